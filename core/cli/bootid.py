"""Telling one boot of a node from the next, by the kernel's random boot id."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from core.base.errors import NotReady
from core.cli.target import Node
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import RpcError

PATH: Final = "/proc/sys/kernel/random/boot_id"
AGAIN: Final = 0.2  # seconds; a machine that is away cannot tell when it will be back
ANSWER: Final = 5.0


async def read(node: Node) -> bytes:
    """The boot id. Raises RpcError, and TimeoutError after ANSWER seconds."""
    request = pb.ReadRequest(path=PATH)
    async with asyncio.timeout(ANSWER):
        stream = node.stream("machine.MachineService/Read", request, common_pb2.Data)
        return b"".join([message.bytes async for message in stream]).strip()


async def until_back(node: Node, before: bytes, seconds: float) -> None:
    """Until the node answers with another boot id. Raises NotReady."""

    async def back() -> bool:
        with suppress(RpcError, TimeoutError):  # away, or going
            return await read(node) not in (b"", before)
        return False

    await _until(back, seconds, f"{node.name} is not back")


async def until_gone(node: Node, seconds: float) -> None:
    """Until the node answers no more. Raises NotReady."""

    async def gone() -> bool:
        try:
            await read(node)
        except (RpcError, TimeoutError):
            return True
        return False

    await _until(gone, seconds, f"{node.name} still answers")


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float, otherwise: str) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        if asyncio.get_running_loop().time() > deadline:
            raise NotReady(f"{otherwise} after {seconds:.0f} s", remedy="look at its console")
        await asyncio.sleep(AGAIN)
