"""How a node of Kubernetes is reached, and how it reaches the others."""

from core.node.controllers.k8s.network.addressfilter import AddressFilter
from core.state import Controller

__all__ = ["network"]


def network() -> list[Controller]:
    """All controllers of this part."""
    return [AddressFilter()]
