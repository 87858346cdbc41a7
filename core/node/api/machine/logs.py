"""Logs and Dmesg: bytes as they were written, from rings that outlive machined."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from google.protobuf.empty_pb2 import Empty

from core.base.errors import Invalid, Unsupported
from core.base.place import KEY, Place
from core.linux import power
from core.node.api.instances import PODS
from core.node.api.machine import podlogs
from core.node.api.machine.containers import records
from core.node.containers import kubernetes
from core.node.containers.client import SOCKET, Containerd
from core.node.node import Node
from core.node.services.logs import Log
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb


async def logs(node: Node, ctx: Context, request: pb.LogsRequest) -> AsyncIterator[common_pb2.Data]:
    """The log of one id: `tail_lines` -1 is all of it; `follow` keeps the stream open. To a client that sends a Place
    (maybe an empty one) and follows, the place where it begins is told, and each record is a message of its own."""
    if request.driver == common_pb2.CRI:
        async with aclosing(_pods(node, request)) as pieces:
            async for piece in pieces:
                yield common_pb2.Data(bytes=piece)
        return
    log, place = node.logs.find(request.id), ctx.metadata.get(KEY)
    if place is not None and request.follow:
        pieces = _from(log, str(place), request.tail_lines, ctx)
    else:
        pieces = log.read(tail=request.tail_lines, follow=request.follow)
    async with aclosing(pieces):
        async for piece in pieces:
            yield common_pb2.Data(bytes=piece)


async def _pods(node: Node, request: pb.LogsRequest) -> AsyncGenerator[bytes]:
    channel = Channel(SOCKET)
    try:
        known = await records(Containerd(channel, node.clock, PODS))
    finally:
        await channel.close()
    path = podlogs.newest(kubernetes.find(known, request.id))
    async with aclosing(podlogs.read(path, node.clock, tail=request.tail_lines, follow=request.follow)) as pieces:
        async for piece in pieces:
            yield piece


def _from(log: Log, place: str, tail: int, ctx: Context) -> AsyncGenerator[bytes]:
    boot = power.boot_id()
    start = log.start(tail)
    if place:
        wanted = Place.parse(place)
        start = wanted.sequence if wanted.boot == boot else log.ring.oldest
        if start > log.ring.next:
            raise Invalid(f"the log has no record {start} yet")
    ctx.set_initial([(KEY, str(Place(boot, start)))])
    return log.records(start)


async def logs_containers(node: Node, ctx: Context, request: Empty) -> pb.LogsContainersResponse:
    """The ids that have a log."""
    return pb.LogsContainersResponse(messages=[pb.LogsContainer(ids=node.logs.ids())])


async def dmesg(node: Node, ctx: Context, request: pb.DmesgRequest) -> AsyncIterator[common_pb2.Data]:
    """The kernel's log, one record a message. `tail` with `follow`: only what is new."""
    if node.kernel_log is None:
        raise Unsupported("this node has no kernel log of its own to read")
    pieces = node.kernel_log.read(tail=request.tail and request.follow, follow=request.follow)
    async with aclosing(pieces):
        async for piece in pieces:
            yield common_pb2.Data(bytes=piece)
