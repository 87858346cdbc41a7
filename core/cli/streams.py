"""Streams of bytes from several nodes on one terminal: as they are from one node, line by line behind its name from
several."""

import sys
from collections.abc import AsyncIterator

from core.rpc.pb.common import common_pb2


async def copy(name: str, alone: bool, messages: AsyncIterator[common_pb2.Data]) -> None:
    """Write all data to standard output."""
    out = sys.stdout.buffer
    rest = b""
    async for message in messages:
        if alone:
            out.write(message.bytes)
        else:
            *lines, rest = (rest + message.bytes).split(b"\n")
            out.writelines(f"{name}: ".encode() + line + b"\n" for line in lines)
        out.flush()
    if rest:
        out.write(f"{name}: ".encode() + rest + b"\n")
        out.flush()
