"""The API on machined's local sockets. Each socket belongs to one peer, whose uid the kernel checks at connect;
only what apid says about its caller's roles is believed, and only on apid's socket."""

import socket
from collections.abc import Collection

from core.base.errors import Denied
from core.node.api import machine
from core.node.api.access import NOT_AUTHORIZED
from core.node.api.roles import allowed, forwarded
from core.node.api.state import State
from core.node.machineconfig import ACTIVE
from core.node.node import Node
from core.node.resources.config import AcquireConfigStatus, MachineConfig
from core.node.sockets import listener
from core.rpc.context import Context
from core.rpc.server import Server

APID_UID = 50
DRAIN_SECONDS = 1.0


class LocalAPI:
    """Serves every gRPC service of the node to apid."""

    def __init__(self, node: Node) -> None:
        self._node = node
        services = [machine.service(node), State(node.store, roles).service()]
        self._server = Server(services, guard=self._guard)

    async def serve(self, sock: socket.socket) -> None:
        """Accept from now on."""
        await self._server.serve(sock)

    async def drain(self) -> None:
        """Let calls under way end."""
        await self._server.drain(DRAIN_SECONDS)

    def listen(self) -> socket.socket:
        """apid's socket."""
        return listener(self._node.init, "apid", APID_UID)

    def _guard(self, ctx: Context) -> None:
        """The same table by which apid decided: a flaw there does not open what is behind."""
        store = self._node.store
        looked = store.find(AcquireConfigStatus.at("config")) is not None
        maintenance = looked and store.find(MachineConfig.at(ACTIVE)) is None
        if not allowed(ctx.method, roles(ctx), maintenance):
            raise Denied(NOT_AUTHORIZED)


def roles(ctx: Context) -> Collection[str]:
    """The roles of apid's caller."""
    return forwarded(ctx.metadata)
