"""This machine's Node object: what is wished of it, and what has become of it."""

from core.node.controllers.k8s.nodes.apply import NodeApply
from core.node.controllers.k8s.nodes.specs import specs
from core.node.controllers.k8s.nodes.status import NodeStatuses
from core.state import Controller

__all__ = ["NodeApply", "NodeStatuses", "nodes", "specs"]


def nodes() -> list[Controller]:
    """All controllers of this part."""
    return [*specs(), NodeStatuses(), NodeApply()]
