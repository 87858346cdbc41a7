"""The network of the node: layers of wishes, their merge, the kernel made to follow, and what became of it."""

from collections.abc import Callable

from core.linux.network import Network
from core.node.controllers.network.addresses import AddressApply, address_status
from core.node.controllers.network.cmdline import from_cmdline
from core.node.controllers.network.config import from_config
from core.node.controllers.network.defaults import defaults
from core.node.controllers.network.etcfiles import EtcFiles
from core.node.controllers.network.links import FirstHardwareAddress, LinkApply, link_status
from core.node.controllers.network.merge import merges
from core.node.controllers.network.names import names
from core.node.controllers.network.nodeaddress import NodeAddresses
from core.node.controllers.network.operators import Operators
from core.node.controllers.network.routes import RouteApply, route_status
from core.node.controllers.network.sharing import SharedAddresses
from core.node.controllers.network.status import Readiness
from core.state import Controller
from ext.sys import sethostname

__all__ = ["SharedAddresses", "network"]


def network(kernel: Network, set_hostname: Callable[[str], None] = sethostname) -> list[Controller]:
    """All controllers of the domain, for one network namespace."""
    return [
        defaults(),
        from_cmdline(),
        from_config(),
        Operators(kernel),
        *merges(),
        link_status(kernel),
        LinkApply(kernel),
        FirstHardwareAddress(),
        address_status(kernel),
        AddressApply(kernel),
        route_status(kernel),
        RouteApply(kernel),
        *names(set_hostname),
        NodeAddresses(),
        EtcFiles(),
        Readiness(),
    ]
