"""Services as tables: a name, and for each method how it is called, what it takes and what it gives."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message

from core.rpc.context import Context

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

Raw = Callable[[Context, AsyncIterator[bytes]], Awaitable[AsyncIterator[bytes] | None]]
"""Any kind of call on encoded messages: gives an async generator of the replies to the requests, or None when it has
handed the call over (core.rpc.forward)."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method: `function` takes one request or an iterator of them, and gives one reply or yields them."""

    function: Callable[[Context, Any], Any]
    request: type[Message]
    reply: type[Message]
    many_requests: bool
    many_replies: bool


def unary(function: Callable[[Context, Req], Awaitable[Res]], request: type[Req], reply: type[Res]) -> Method:
    """One request, one reply."""
    return Method(function, request, reply, False, False)


def server_stream(
    function: Callable[[Context, Req], AsyncIterator[Res]], request: type[Req], reply: type[Res]
) -> Method:
    """One request; `function` is an async generator of replies."""
    return Method(function, request, reply, False, True)


def client_stream(
    function: Callable[[Context, AsyncIterator[Req]], Awaitable[Res]], request: type[Req], reply: type[Res]
) -> Method:
    """Many requests, one reply."""
    return Method(function, request, reply, True, False)


def bidi(
    function: Callable[[Context, AsyncIterator[Req]], AsyncIterator[Res]], request: type[Req], reply: type[Res]
) -> Method:
    """Many requests; `function` is an async generator of replies and may interleave both."""
    return Method(function, request, reply, True, True)


@dataclass(frozen=True, slots=True)
class Service:
    """The methods of one service, by its full name such as `machine.MachineService`."""

    name: str
    methods: Mapping[str, Method]
