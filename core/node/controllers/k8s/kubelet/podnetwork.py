"""MachineConfig, NodeStatus -> containerd's network of pods, where the config's choice is `native`: a bridge in the
range that this node's pods were given. The way to other nodes' ranges is others' work."""

from pathlib import Path
from typing import Any, Final

import msgspec

from core.base.files import write_atomic
from core.node import machineconfig
from core.node.containers import cni
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import Nodename, NodeStatus
from core.state import Controller, Scope, weak

FOLDER: Final = Path("/etc/cni/net.d")
FILE: Final = "10-ichor.conflist"
BRIDGE: Final = "cni0"
_CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)
_NAME: Final = Nodename.at("nodename")


class PodNetwork(Controller):
    """The file goes when the choice is another one. A range that is not known yet leaves what an earlier boot knew."""

    name = "k8s.PodNetworkController"
    inputs = (weak(_CONFIG), weak(_NAME), weak(NodeStatus))

    def __init__(self, folder: Path = FOLDER) -> None:
        self._path = folder / FILE

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(_CONFIG)
        if config is None or not machineconfig.of(config).complete:
            return
        if machineconfig.of(config).v1alpha1.cluster.network.cni.name != "native":
            self._path.unlink(missing_ok=True)
            return
        ranges = _ranges(scope)
        wanted = msgspec.json.format(msgspec.json.encode(conflist(ranges)))
        if ranges and not (self._path.exists() and self._path.read_bytes() == wanted):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(self._path, wanted)


def conflist(ranges: tuple[str, ...]) -> dict[str, Any]:
    """What containerd runs for each pod."""
    return cni.bridge("ichor", BRIDGE, *ranges)


def _ranges(scope: Scope) -> tuple[str, ...]:
    name = scope.find(_NAME)
    status = None if name is None else scope.find(NodeStatus.at(name.spec.nodename))
    return () if status is None else status.spec.pod_cidrs
