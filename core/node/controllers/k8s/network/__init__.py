"""How a node of Kubernetes is reached, and how it reaches the others."""

from collections.abc import Awaitable, Callable

from core.node.controllers.k8s.network import kubeprism
from core.node.controllers.k8s.network.addressfilter import AddressFilter
from core.node.controllers.k8s.network.balancer import Balancer
from core.node.controllers.k8s.network.endpoints import DiscoveredEndpoints, StaticEndpoint
from core.node.controllers.k8s.network.podroutes import PodRoutes
from core.state import Controller

__all__ = ["network"]


def network(run: Callable[[bool], Awaitable[None]], rest: Callable[[], Awaitable[None]]) -> list[Controller]:
    """All controllers of this part. `run` and `rest` are the balancer's, as it wants them."""
    balancer = [kubeprism.Endpoints(), kubeprism.Settings(), Balancer(run, rest)]
    return [AddressFilter(), StaticEndpoint(), DiscoveredEndpoints(), *balancer, PodRoutes()]
