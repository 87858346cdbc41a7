"""A document of our own: which control planes the cluster has, as far as its operator says."""

from core.config.schema.addresses import Ip
from core.config.schema.base import Section


class ControlPlanesConfig(Section, frozen=True):
    """All control planes by address. etcd begins only where a majority of them agrees, so that a cluster cut in two
    never becomes two; without this document those that cannot be heard are not counted."""

    api_version: str = ""
    """`ichor.dev/v1alpha1`."""
    kind: str = ""
    """`ControlPlanesConfig`."""
    addresses: tuple[Ip, ...] = ()
    """One address of each, at which the others reach it; this node's own may be among them."""
