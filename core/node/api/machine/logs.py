"""Logs and Dmesg: bytes as they were written, from rings that outlive machined."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from google.protobuf.empty_pb2 import Empty

from core.base.errors import Unsupported
from core.node.node import Node
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb


async def logs(node: Node, ctx: Any, request: pb.LogsRequest) -> AsyncIterator[common_pb2.Data]:
    """The log of one id: `tail_lines` -1 is all of it; `follow` keeps the stream open."""
    pieces = node.logs.find(request.id).read(tail=request.tail_lines, follow=request.follow)
    async with aclosing(pieces):
        async for piece in pieces:
            yield common_pb2.Data(bytes=piece)


async def logs_containers(node: Node, ctx: Any, request: Empty) -> pb.LogsContainersResponse:
    """The ids that have a log."""
    return pb.LogsContainersResponse(messages=[pb.LogsContainer(ids=node.logs.ids())])


async def dmesg(node: Node, ctx: Any, request: pb.DmesgRequest) -> AsyncIterator[common_pb2.Data]:
    """The kernel's log, one record a message. `tail` with `follow`: only what is new."""
    if node.kernel_log is None:
        raise Unsupported("this node has no kernel log of its own to read")
    pieces = node.kernel_log.read(tail=request.tail and request.follow, follow=request.follow)
    async with aclosing(pieces):
        async for piece in pieces:
            yield common_pb2.Data(bytes=piece)
