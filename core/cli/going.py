"""What `reboot` and `shutdown` have in common: how long is waited, and what the kernel says meanwhile."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import click

from core.base.units import parse_duration
from core.cli.target import Node
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import RpcError

_Command = TypeVar("_Command", bound=Callable[..., Any])


def going_options(until: str, timeout: str) -> Callable[[_Command], _Command]:
    """The flags that make `wait`, `debug` and `timeout` (seconds)."""

    def decorate(function: _Command) -> _Command:
        for option in (
            click.option(
                "--timeout",
                default=timeout,
                show_default=True,
                metavar="TIME",
                callback=lambda *given: _seconds(given[2]),
                help="how long to wait",
            ),
            click.option("--debug", is_flag=True, help="show what the kernel says until then"),
            click.option("--wait/--no-wait", default=True, show_default=True, help=until),
        ):
            function = option(function)
        return function

    return decorate


@asynccontextmanager
async def listening(node: Node, wanted: bool) -> AsyncIterator[None]:
    """While the block lasts, or until the node goes, its kernel's new messages go to standard error."""
    task = asyncio.create_task(_listen(node)) if wanted else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _listen(node: Node) -> None:
    request = pb.DmesgRequest(follow=True, tail=True)
    with suppress(RpcError):  # it went
        async for data in node.stream("machine.MachineService/Dmesg", request, common_pb2.Data):
            sys.stderr.buffer.write(data.bytes)
            sys.stderr.buffer.flush()


def _seconds(text: str) -> float:
    """A duration; a bare number is of seconds."""
    return float(text) if text.isdecimal() else parse_duration(text)
