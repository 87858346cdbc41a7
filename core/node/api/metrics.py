"""What machined has to say to a scrape, asked by apid, which adds its own part. Says nothing unless the config has a
MetricsConfig."""

from collections.abc import Callable, Sequence

from google.protobuf.empty_pb2 import Empty

from core.base import offload
from core.base.errors import NotFound
from core.codec.openmetrics import Family
from core.node import machineconfig
from core.node.metrics import calls, inside, kernel, processes
from core.node.node import Node
from core.node.resources.config import MachineConfig
from core.rpc.context import Context
from core.rpc.pb.metrics import metrics_pb2 as pb
from core.rpc.server import Server
from core.rpc.service import Service, unary
from core.state import Store

_CONFIG = MachineConfig.at(machineconfig.ACTIVE)


class Metrics:
    """ichor.metrics.Metrics. `servers` are machined's."""

    def __init__(self, node: Node, servers: Callable[[], Sequence[Server]]) -> None:
        self._node, self._servers = node, servers

    def service(self) -> Service:
        """For apid's socket."""
        return Service("ichor.metrics.Metrics", {"Read": unary(self.read, Empty, pb.ReadResponse)})

    async def read(self, ctx: Context, request: Empty) -> pb.ReadResponse:
        """All of it. Raises NotFound unless it is switched on."""
        if not switched_on(self._node.store):
            raise NotFound("metrics are off", remedy="add a MetricsConfig document to the config")
        node = self._node
        found = [
            *inside.build(node.build, node.store),
            *inside.services(node.services.units.values()),
            *inside.controllers(node.runtime.accounts),
            inside.certificates(node.store),
            *inside.clock(node.store),
            *calls.families("machined", *self._servers()),
        ]
        pids = {"init": 1} | {
            id_: unit.record.pid
            for id_, unit in node.services.units.items()
            if unit.record.pid and not unit.service.same_process_as
        }
        found += await offload.call(_looked, pids)
        return pb.ReadResponse(families=map(_message, found))


def switched_on(store: Store) -> bool:
    """Whether the config in force asks for it."""
    config = store.find(_CONFIG)
    return config is not None and machineconfig.of(config).metrics is not None


def _looked(pids: dict[str, int]) -> list[Family]:
    """What takes reading many files."""
    return [*kernel.families(), *processes.families(pids)]


def _message(family: Family) -> pb.Family:
    return pb.Family(name=family.name, kind=family.kind, help=family.help, lines=family.lines)
