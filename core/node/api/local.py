"""The API on machined's local sockets. Each socket belongs to one peer, whose uid the kernel checks at connect;
only what apid says about its caller's roles is believed, and only on apid's socket."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

from core.node.api import access
from core.node.api.discovery import Affiliates
from core.node.api.metrics import Metrics
from core.node.api.served import services
from core.node.api.trust import Authority
from core.node.containers import attached
from core.node.containers.client import SOCKET, Containerd
from core.node.holders import Holders, Joined
from core.node.node import Node
from core.node.sockets import listener
from core.node.survivor import Survivor
from core.rpc.client import Channel
from core.rpc.server import Server
from core.rpc.status import RpcError
from ext.http2.limits import Limits

_log = logging.getLogger("api")
UIDS: Final = {"apid": 50, "trustd": 51}
DRAIN_SECONDS: Final = 1.0
# apid's one connection carries every caller's, each of which it has bounded
_APID: Final = Limits(output=256 << 20, resets=1_000_000, resets_rate=1_000_000)


class LocalAPI:
    """Serves every gRPC service of the node to apid, and to trustd what it needs to let nodes join. Each call of apid's
    is checked by the table by which apid decided: a flaw there does not open what is behind."""

    def __init__(self, node: Node) -> None:
        self._node = node
        holders = Holders(node.store, Survivor(node.init, "joined", dict[str, Joined]), node.clock)
        authority = Authority(node.store, holders, node.work, node.clock, node.lifetime)
        metrics = Metrics(node, lambda: tuple(self._servers.values()))
        self._servers = {
            "apid": Server(
                [*services(node), metrics.service()], guard=partial(access.check_call, node.store), limits=_APID
            ),
            "trustd": Server([authority.service(), Affiliates(node.store, node.affiliates, node.clock).service()]),
        }
        self._sockets: dict[str, socket.socket] = {}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Each peer's socket, as long as the block lasts."""
        with ExitStack() as stack:
            for peer, uid in UIDS.items():
                self._sockets[peer] = stack.enter_context(listener(self._node.init, peer, uid))
            yield

    async def serve(self) -> None:
        """Accept from now on."""
        for peer, server in self._servers.items():
            await server.serve(self._sockets[peer])

    async def sweep(self) -> None:
        """Once containerd serves: remove what callers of a machined before this one were running."""
        await self._node.services.unit("containerd").until(lambda unit: unit.up)
        try:
            await attached.sweep(Containerd(Channel(SOCKET), self._node.clock))
        except RpcError as error:  # it went again: what is left does no harm, and the next machined looks anew
            _log.warning("what is left over of debug containers stays: %s", error)

    async def drain(self) -> None:
        """Let calls under way end."""
        await asyncio.gather(*(server.drain(DRAIN_SECONDS) for server in self._servers.values()))
