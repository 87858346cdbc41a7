"""The room in which a control plane without etcd waits: at etcd's client port it answers, with etcd's certificates,
where it stands and whom it lets bootstrap (ichor.etcd.Claims). Owns the promise; refuses all else, as etcd is not
there."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager

from core.cluster.etcd.claims import HOLLOW
from core.cluster.etcd.flags import ANY, CLIENT_PORT
from core.cluster.etcd.journal import Entry, Stage
from core.cluster.etcd.local import Local
from core.rpc.context import Context
from core.rpc.pb.etcd import claims_pb2 as pb
from core.rpc.server import Server
from core.rpc.service import Service, unary
from core.rpc.tls import ServerTLS

DRAIN_SECONDS = 1.0


class Room:
    """ichor.etcd.Claims for one node."""

    def __init__(self, local: Local) -> None:
        self._local = local

    def service(self) -> Service:
        """For a server that only holders of etcd's client certificates may call."""
        return Service(
            "ichor.etcd.Claims",
            {
                "Look": unary(self.look, pb.LookRequest, pb.Standing),
                "Claim": unary(self.claim, pb.ClaimRequest, pb.Standing),
                "Release": unary(self.release, pb.ReleaseRequest, pb.Standing),
            },
        )

    async def look(self, ctx: Context, request: pb.LookRequest) -> pb.Standing:
        """Where this node stands."""
        return standing(self._local)

    async def claim(self, ctx: Context, request: pb.ClaimRequest) -> pb.Standing:
        """Promise not to disturb that bootstrap, if nothing else was promised; what is promised now."""
        journal = self._local.journal
        if journal.entry.stage is Stage.FREE and not self._local.has_data:
            journal.write(Entry(Stage.PROMISED, request.token, request.name))
        return standing(self._local)

    async def release(self, ctx: Context, request: pb.ReleaseRequest) -> pb.Standing:
        """Forget that promise, if it is the one; without a token, a place in a cluster of which nothing is left."""
        entry, token = self._local.journal.entry, request.token
        hollow = entry.stage in HOLLOW and not self._local.has_data and not token
        if hollow or (entry.stage is Stage.PROMISED and entry.token == token):
            self._local.journal.write(Entry())
        return standing(self._local)


def standing(local: Local) -> pb.Standing:
    """What others are told."""
    entry = local.journal.entry
    return pb.Standing(name=local.me.name, stage=entry.stage, token=entry.token, owner=entry.owner, data=local.has_data)


@asynccontextmanager
async def serving(local: Local, tls: ServerTLS, addresses: Sequence[str] = ANY) -> AsyncIterator[None]:
    """Answer at `addresses` for as long as the block lasts; the port is etcd's again on return."""
    server = Server([Room(local).service()])
    with ExitStack() as listeners:
        for address in addresses:
            listener = listeners.enter_context(_listener(address))
            await server.serve(listener, tls)
        try:
            yield
        finally:
            await server.drain(DRAIN_SECONDS)


def _listener(address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, CLIENT_PORT), family=family, dualstack_ipv6=address in ANY)
