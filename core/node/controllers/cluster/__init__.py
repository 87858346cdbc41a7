"""Which cluster this is, which node, and who else is in it."""

from core.cluster.discovery.table import Table
from core.node.build import Build
from core.node.controllers.cluster.affiliates import AffiliateMerge, LocalAffiliate, Members
from core.node.controllers.cluster.exchange import Exchange
from core.node.controllers.cluster.identity import ClusterInfo, DiscoverySettings, NodeIdentity
from core.state import Controller

__all__ = ["Exchange", "cluster"]


def cluster(build: Build, table: Table) -> list[Controller]:
    """All controllers of the domain. `table` is what others leave here, if this is a control plane."""
    return [
        NodeIdentity(),
        ClusterInfo(),
        DiscoverySettings(),
        LocalAffiliate(f"Ichor ({build.tag})"),
        Exchange(table),
        AffiliateMerge(),
        Members(),
    ]
