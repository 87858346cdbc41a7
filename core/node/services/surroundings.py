"""What everybody who runs a service of a node works with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.base.clock import Clock
from core.linux.cgroup import Tree
from core.linux.init import Init
from core.node.containers.client import Containerd
from core.node.services.logs import Logs
from core.node.services.unit import Unit
from core.state import Store


@dataclass(slots=True)
class Surroundings:
    """What all runners share."""

    init: Init
    tree: Tree
    logs: Logs
    store: Store
    clock: Clock
    units: Mapping[str, Unit]
    containerd: Containerd
    unapplied: Callable[[str, tuple[str, ...]], None] = field(default=lambda id_, names: None)
