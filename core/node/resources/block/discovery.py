"""Asking for another look at the disks, and knowing when the first one is complete."""

from core.state import Column, Spec, resource


@resource("DiscoveredVolumesStatuses.block.talos.dev", "runtime", columns=(Column("Ready", "{.ready}"),))
class DevicesDiscovered(Spec, frozen=True):
    """All devices of the cold plug were looked at (id `discovered-volumes-status`)."""

    ready: bool = False


@resource("DiscoveryRefreshRequests.block.talos.dev", "runtime")
class DiscoveryRefreshRequest(Spec, frozen=True):
    """Look again; answered when the status has the same number (id `refresh`)."""

    request: int = 0


@resource("DiscoveryRefreshStatuses.block.talos.dev", "runtime")
class DiscoveryRefreshStatus(Spec, frozen=True):
    """The last request that was answered (id `refresh`)."""

    request: int = 0
