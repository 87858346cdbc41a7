"""One of several, by agreement. Each candidate puts a key of its own below the election's prefix, on a lease; the
oldest key is the one elected, and the others wait for the key before theirs to go. That is how etcd's own clients
elect, so nodes of another make take part in it.

Owns the candidate's steps. Refuses to judge who should be elected: it is who came first."""

from contextlib import aclosing
from dataclasses import dataclass

from core.base.clock import Clock
from core.cluster.etcd.client import SECONDS, Etcd
from core.cluster.etcd.lease import Lease, grant
from core.rpc.pb.etcd import rpc_pb2 as pb
from core.rpc.status import Code, RpcError


@dataclass(frozen=True, slots=True)
class Candidate:
    """This node in the election of `prefix`: its lease, and when its key came."""

    etcd: Etcd
    prefix: bytes
    lease: Lease
    revision: int

    async def elected(self) -> None:
        """Return when nobody who came before is left. Raises RpcError; the lease must be kept meanwhile."""
        while True:
            before = await _keys(self.etcd, self.prefix, self.revision - 1)
            if not before.kvs:
                return
            await _gone(self.etcd, before.kvs[-1].key, before.header.revision + 1)


async def enter(etcd: Etcd, prefix: bytes, name: bytes, clock: Clock, seconds: int) -> Candidate:
    """Be a candidate called `name`, on a lease of `seconds`. Who was one by that name, and whose lease is not over, is
    it still: a process that was killed finds its place again. Raises RpcError."""
    for kv in (await _keys(etcd, prefix)).kvs:
        lease = Lease(etcd, clock, kv.lease)
        if kv.value == name and await lease.renew(SECONDS):
            return Candidate(etcd, prefix, lease, kv.create_revision)
    lease = await grant(etcd, clock, seconds)
    put = pb.PutRequest(key=b"%s/%x" % (prefix, lease.number), value=name, lease=lease.number)
    reply = await etcd.call("KV/Put", put, pb.PutResponse)
    return Candidate(etcd, prefix, lease, reply.header.revision)


async def _keys(etcd: Etcd, prefix: bytes, until: int = 0) -> pb.RangeResponse:
    """The candidates' keys, the oldest first; those that came until a revision, if it is given."""
    request = pb.RangeRequest(
        key=prefix + b"/",
        range_end=prefix + b"0",  # the byte behind "/"
        max_create_revision=until,
        sort_order=pb.RangeRequest.SortOrder.ASCEND,
        sort_target=pb.RangeRequest.SortTarget.CREATE,
    )
    return await etcd.call("KV/Range", request, pb.RangeResponse)


async def _gone(etcd: Etcd, key: bytes, revision: int) -> None:
    """Return when a key was deleted, or may have been: what was so long ago etcd has forgotten."""
    async with aclosing(etcd.watch(key, revision)) as watch:
        async for answer in watch:
            if any(event.type == pb.Event.EventType.DELETE for event in answer.events) or answer.compact_revision:
                return
            if answer.canceled:
                raise RpcError(Code.UNAVAILABLE, f"etcd ended a watch: {answer.cancel_reason}")
    raise RpcError(Code.UNAVAILABLE, "etcd ended a watch")
