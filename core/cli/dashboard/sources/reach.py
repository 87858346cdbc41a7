"""How a node is reached: through one endpoint after the other, until one answers. Nodes share a connection for each
endpoint. A link says whether its node answers: one task for each node asks, so that a dead one costs one call now and
then, and everything else about it rests."""

import asyncio
from typing import Final, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from core.base.backoff import Backoff
from core.base.clock import Clock
from core.cli.dashboard.model.node import Fleet, Node, Reach
from core.cli.dashboard.sources.attention import Signal
from core.cli.target import Nodes, with_port
from core.rpc.call import Call
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import RpcError

Res = TypeVar("Res", bound=Message)
PROBE: Final = 5.0  # seconds that a node may take to say that it lives
DIAL: Final = 5.0


class Path:
    """The way to one node: what `core.cli.target.Node` does, over endpoints that may change."""

    def __init__(self, name: str, channels: list[Channel], metadata: tuple[tuple[str, str], ...]) -> None:
        self.name = name
        self._channels, self._metadata = channels, metadata
        self._current = 0

    async def unary(self, path: str, request: Message, reply: type[Res], timeout: float) -> Res:
        """One call of "service/Method"."""
        return await self._channel.unary(f"/{path}", request, reply, self._metadata, timeout)

    def stream(
        self, path: str, request: Message, reply: type[Res], metadata: tuple[tuple[str, str], ...] = ()
    ) -> Call[bytes, Res]:
        """A streaming call: iterate for its replies."""
        return self._channel.server_stream(f"/{path}", request, reply, self._metadata + metadata)

    def turn(self) -> None:
        """Go by the next endpoint from now on."""
        self._current = (self._current + 1) % len(self._channels)

    @property
    def _channel(self) -> Channel:
        return self._channels[self._current]


def paths(nodes: Nodes) -> tuple[list[Path], list[Channel]]:
    """A path to each node, and the channels under them, for whoever closes them."""
    if nodes.insecure:
        own = [Channel(with_port(name), nodes.tls, timeout=DIAL) for name in nodes.names]
        return [Path(name, [channel], ()) for name, channel in zip(nodes.names, own, strict=True)], own
    shared = [Channel(with_port(endpoint), nodes.tls, timeout=DIAL) for endpoint in nodes.endpoints]
    return [Path(name, shared, (("node", name),)) for name in nodes.names], shared


class Link:
    """Whether a node answers. `signal` is fired when that changes."""

    def __init__(self, path: Path, node: Node, fleet: Fleet, signal: Signal, clock: Clock) -> None:
        self.path, self.node = path, node
        self._fleet, self._signal, self._clock = fleet, signal, clock
        self._suspected = asyncio.Event()

    @property
    def up(self) -> bool:
        return self.node.reach is Reach.UP

    def suspect(self) -> None:
        """A call failed as calls do when a node is gone: ask it."""
        self._suspected.set()

    def heard(self, size: int) -> None:
        """It answered something, of this many bytes."""
        self.node.heard = self._clock.monotonic()
        self.node.received += size
        self._fleet.touch()

    async def run(self) -> None:
        """Ask whether it lives: at first, when somebody suspects that it does not, and while it does not."""
        backoff = Backoff(first=0.25, cap=5.0)
        while True:
            self._suspected.clear()
            if await self._answers():
                backoff.succeeded()
                await self._suspected.wait()
            else:
                self.path.turn()
                await self._clock.sleep(backoff.failed())

    async def _answers(self) -> bool:
        method = "machine.MachineService/Version"
        try:
            answer = await self.path.unary(method, Empty(), pb.VersionResponse, PROBE)
        except RpcError as error:
            self._turned(Reach.DOWN, error.message)
            return False
        self.heard(answer.ByteSize())
        self.node.answered(answer.messages[0] if answer.messages else pb.Version())
        self._turned(Reach.UP)
        return True

    def _turned(self, reach: Reach, reason: str = "") -> None:
        changed = reach is not self.node.reach
        self.node.turned(reach, self._clock.monotonic(), reason)
        self._fleet.touch()
        if changed:
            self._signal.fire()
