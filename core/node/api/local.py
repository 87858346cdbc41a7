"""The API on machined's local sockets. Each socket belongs to one peer, whose uid the kernel checks at connect;
only what apid says about its caller's roles is believed, and only on apid's socket."""

import socket
from functools import partial

from core.node.api import access, machine
from core.node.api.machine import mounts
from core.node.api.state import State
from core.node.node import Node
from core.node.sockets import listener
from core.rpc.server import Server

APID_UID = 50
DRAIN_SECONDS = 1.0


class LocalAPI:
    """Serves every gRPC service of the node to apid. Each call is checked by the table by which apid decided: a flaw
    there does not open what is behind."""

    def __init__(self, node: Node) -> None:
        self._node = node
        state = State(node.store, partial(access.roles, node.store), node.runtime.rested)
        services = [machine.service(node), mounts.storage(), state.service()]
        self._server = Server(services, guard=partial(access.check_call, node.store))

    async def serve(self, sock: socket.socket) -> None:
        """Accept from now on."""
        await self._server.serve(sock)

    async def drain(self) -> None:
        """Let calls under way end."""
        await self._server.drain(DRAIN_SECONDS)

    def listen(self) -> socket.socket:
        """apid's socket."""
        return listener(self._node.init, "apid", APID_UID)
