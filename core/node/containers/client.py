"""One namespace of containerd over its socket. Owns the paths and metadata of calls, and leases; refuses to
hide an error: what containerd answers is an RpcError with its code."""

import secrets
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from core.base.clock import Clock
from core.base.errors import NotReady
from core.codec.kmsg import rfc3339
from core.rpc.call import Call
from core.rpc.client import Channel
from core.rpc.metadata import Pairs
from core.rpc.pb.containerd import events_pb2, health_pb2, leases_pb2, namespaces_pb2, types_pb2, version_pb2
from core.rpc.status import Code, RpcError

T = TypeVar("T", bound=Message)
SOCKET: Final = "/run/containerd/containerd.sock"
NAMESPACES: Final = ("system", "inmem", "k8s.io")
SNAPSHOTTER: Final = "overlayfs"
DEADLINE: Final = 30.0
_LEASE: Final = 86400.0  # seconds until containerd drops the lease of a client that died; more than a pull may take


def path(service: str, method: str) -> str:
    """The call's path: the package is named after the service."""
    return f"/containerd.services.{service}.v1.{service.capitalize()}/{method}"


@dataclass(frozen=True, slots=True)
class Containerd:
    """Calls in `namespace`; what they make belongs to `lease` if there is one."""

    channel: Channel
    clock: Clock
    namespace: str = "system"
    lease: str = ""

    @property
    def metadata(self) -> Pairs:
        """What every call carries."""
        pairs = [("containerd-namespace", self.namespace)]
        return [*pairs, ("containerd-lease", self.lease)] if self.lease else pairs

    async def call(
        self, service: str, method: str, request: Message, reply: type[T], timeout: float | None = DEADLINE
    ) -> T:
        """One unary call. Raises RpcError."""
        return await self.channel.unary(path(service, method), request, reply, self.metadata, timeout)

    async def version(self) -> str:
        """containerd's version."""
        return (await self.call("version", "Version", Empty(), version_pb2.VersionResponse)).version

    async def ready(self) -> None:
        """Return if containerd serves. Raises NotReady or RpcError."""
        request = health_pb2.HealthCheckRequest()
        answer = await self.channel.unary("/grpc.health.v1.Health/Check", request, health_pb2.HealthCheckResponse)
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            name = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
            raise NotReady(f"containerd answers {name.lower()}")

    async def make_namespaces(self) -> None:
        """Make the namespaces of a node."""
        for name in NAMESPACES:
            request = namespaces_pb2.CreateNamespaceRequest(namespace=namespaces_pb2.Namespace(name=name))
            await existing(self.call("namespaces", "Create", request, namespaces_pb2.CreateNamespaceResponse))

    def events(self, *filters: str) -> Call[bytes, types_pb2.Envelope]:
        """What happens from now on, to iterate; each filter such as `topic=="/tasks/exit"` lets more through."""
        request = events_pb2.SubscribeRequest(filters=filters)
        return self.channel.server_stream(path("events", "Subscribe"), request, types_pb2.Envelope, self.metadata)

    @asynccontextmanager
    async def leased(self) -> AsyncIterator["Containerd"]:
        """The same under a lease: nothing made meanwhile is collected before something lasting points to it. If the
        block fails, what nothing points to is gone when this raises."""
        expires = rfc3339(int(self.clock.now() + _LEASE) * 10**9)
        request = leases_pb2.CreateRequest(
            id=f"ichor-{secrets.token_hex(8)}", labels={"containerd.io/gc.expire": expires}
        )
        made = (await self.call("leases", "Create", request, leases_pb2.CreateResponse)).lease.id
        try:
            yield replace(self, lease=made)
        except BaseException:
            await self.call("leases", "Delete", leases_pb2.DeleteRequest(id=made, sync=True), Empty)
            raise
        await self.call("leases", "Delete", leases_pb2.DeleteRequest(id=made), Empty)


async def existing(call: Awaitable[T]) -> T | None:
    """The reply, or None if what was to be made exists."""
    return await _but(Code.ALREADY_EXISTS, call)


async def missing(call: Awaitable[T]) -> T | None:
    """The reply, or None if what was asked for does not exist."""
    return await _but(Code.NOT_FOUND, call)


async def _but(code: Code, call: Awaitable[T]) -> T | None:
    try:
        return await call
    except RpcError as error:
        if error.code is not code:
            raise
        return None
