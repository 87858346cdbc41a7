"""-> NetworkStatus: what of the network is ready, for everything that waits for it."""

from typing import Final

from core.node.resources.files import EtcFileStatus
from core.node.resources.network import HostnameStatus, NetworkStatus, NodeAddress, RouteStatus, RouteType
from core.state import Controller, Scope, exclusive, weak

_FILES: Final = ("hosts", "resolv.conf")
_CURRENT: Final = NodeAddress.at("current")
_HOSTNAME: Final = HostnameStatus.at("hostname")


class Readiness(Controller):
    """Id `status`. Connectivity is a default route: whether somebody answers behind it is a probe's to say."""

    name = "network.StatusController"
    inputs = (weak(_CURRENT), weak(RouteStatus), weak(_HOSTNAME), weak(EtcFileStatus))
    outputs = (exclusive(NetworkStatus),)

    async def reconcile(self, scope: Scope) -> None:
        routes = [r.spec for r in scope.list(RouteStatus.all())]
        status = NetworkStatus(
            address_ready=scope.find(_CURRENT) is not None,
            connectivity_ready=any(not r.destination and r.type is RouteType.UNICAST for r in routes),
            hostname_ready=scope.find(_HOSTNAME) is not None,
            etc_files_ready=all(scope.find(EtcFileStatus.at(name)) is not None for name in _FILES),
        )
        scope.put("status", status)
