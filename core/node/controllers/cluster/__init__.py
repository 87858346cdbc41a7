"""Which cluster this is, which node, and who else is in it."""

from core.node.build import Build
from core.node.controllers.cluster.affiliates import AffiliateMerge, LocalAffiliate, Members
from core.node.controllers.cluster.identity import ClusterInfo, DiscoverySettings, NodeIdentity
from core.state import Controller

__all__ = ["cluster"]


def cluster(build: Build) -> list[Controller]:
    """All controllers of the domain."""
    return [
        NodeIdentity(),
        ClusterInfo(),
        DiscoverySettings(),
        LocalAffiliate(f"Ichor ({build.tag})"),
        AffiliateMerge(),
        Members(),
    ]
