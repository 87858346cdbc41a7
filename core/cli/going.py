"""What `reboot`, `shutdown` and `reset` have in common: how long is waited, how far the node is, and what its kernel
says meanwhile."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import click

from core.base.errors import Conflict
from core.base.units import parse_duration
from core.cli import happenings
from core.cli.output import note
from core.cli.target import Node
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import RpcError

_Command = TypeVar("_Command", bound=Callable[..., Any])
LAST: Final = ("reboot", "shutdown")  # phases behind which the node is gone


def going_options(until: str, timeout: str) -> Callable[[_Command], _Command]:
    """The flags that make `wait`, `debug` and `timeout` (seconds)."""

    def decorate(function: _Command) -> _Command:
        for option in (
            click.option(
                "--timeout",
                default=timeout,
                show_default=True,
                metavar="TIME",
                callback=lambda *given: seconds(given[2]),
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


async def accompanied(node: Node, actor: str, waiting: Coroutine[Any, Any, None]) -> None:
    """`waiting` to its end, and beside it what the node says of the sequence that it runs for that actor. Raises
    Conflict when the node gives it up and goes on as what it was."""
    telling, gone = asyncio.ensure_future(_tell(node, actor)), asyncio.ensure_future(waiting)
    try:
        await asyncio.wait([telling, gone], return_when=asyncio.FIRST_COMPLETED)
        if telling.done():
            telling.result()
        await gone
    finally:
        for each in (telling, gone):
            each.cancel()
        await asyncio.gather(telling, gone, return_exceptions=True)


async def _tell(node: Node, actor: str) -> None:
    request, phase = pb.EventsRequest(tail_events=-1, with_actor_id=actor), ""
    with suppress(RpcError):  # it went
        async for event in node.stream("machine.MachineService/Events", request, pb.Event):
            told = happenings.decoded(event)
            if isinstance(told, pb.PhaseEvent) and told.action == pb.PhaseEvent.START:
                phase = told.phase
                note(f"{node.name}: {phase}")
            if isinstance(told, pb.SequenceEvent) and told.error.message:
                if phase not in LAST:
                    raise Conflict(f"{node.name} gave up: {told.error.message}", remedy="it runs as before")
                note(f"{node.name}: went on in spite of {told.error.message}")


async def _listen(node: Node) -> None:
    request = pb.DmesgRequest(follow=True, tail=True)
    with suppress(RpcError):  # it went
        async for data in node.stream("machine.MachineService/Dmesg", request, common_pb2.Data):
            sys.stderr.buffer.write(data.bytes)
            sys.stderr.buffer.flush()


def seconds(text: str) -> float:
    """A duration; a bare number is of seconds."""
    return float(text) if text.isdecimal() else parse_duration(text)
