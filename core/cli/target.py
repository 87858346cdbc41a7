"""Which nodes a verb is for and how they are reached: flags, then the context of the client config. One call per node,
side by side, under `node` metadata; a node that fails does not keep the others from answering."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeVar

import click
from google.protobuf.message import Message

from core.base.clock import SystemClock
from core.base.errors import Invalid, NotFound
from core.cli import clientfile, expiry, files
from core.cli.before import common, given
from core.cli.output import note
from core.rpc.call import Call
from core.rpc.client import Channel
from core.rpc.status import RpcError
from core.rpc.tls import ClientTLS

T = TypeVar("T")
Res = TypeVar("Res", bound=Message)
PORT: Final = 50000
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Node:
    """One node behind a channel. `name` is what the caller called it."""

    name: str
    channel: Channel
    metadata: tuple[tuple[str, str], ...]

    async def unary(
        self,
        path: str,
        request: Message,
        reply: type[Res],
        timeout: float | None = 60.0,
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> Res:
        """One call of "service/Method"."""
        return await self.channel.unary(f"/{path}", request, reply, self.metadata + metadata, timeout)

    def stream(
        self, path: str, request: Message, reply: type[Res], metadata: tuple[tuple[str, str], ...] = ()
    ) -> Call[bytes, Res]:
        """A streaming call: iterate for its replies."""
        return self.channel.server_stream(f"/{path}", request, reply, self.metadata + metadata)


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of one invocation."""

    names: tuple[str, ...]
    endpoints: tuple[str, ...]
    tls: ClientTLS
    insecure: bool = False

    def run(self, work: Callable[[Node], Coroutine[Any, Any, T]]) -> list[tuple[str, T]]:
        """`work` on every node at once: (name, result) of those that answered, in order. Failures are told one a line
        on standard error; when no node answered, they are raised."""
        return asyncio.run(self._all(work))

    def each(self, work: Callable[[Node], Coroutine[Any, Any, None]]) -> int:
        """The same for work without a result; the exit code."""
        return 0 if len(self.run(work)) == len(self.names) else 1

    async def _all(self, work: Callable[[Node], Coroutine[Any, Any, T]]) -> list[tuple[str, T]]:
        results = await asyncio.gather(*(self.one(name, work) for name in self.names), return_exceptions=True)
        answered, failures = [], []
        for name, result in zip(self.names, results, strict=True):
            if not isinstance(result, BaseException):
                answered.append((name, result))
            elif isinstance(result, RpcError):
                failures.append(f"{name}: {_spoken(result)}")
            else:
                raise result
        if failures and not answered:
            raise NotFound("\n".join(failures))
        for failure in failures:
            note(f"error: {failure}")
        return answered

    async def one(self, name: str, work: Callable[[Node], Awaitable[T]]) -> T:
        """`work` on one node, over a connection of its own to the first endpoint that takes one. Raises RpcError."""
        metadata = () if self.insecure else (("node", name),)
        *others, last = (name,) if self.insecure else self.endpoints
        for endpoint in others:
            async with Channel(with_port(endpoint), self.tls) as channel:
                try:
                    await channel.connection()
                except RpcError as error:
                    note(f"{endpoint}: {error}")
                    continue
                return await work(Node(name, channel, metadata))
        async with Channel(with_port(last), self.tls) as channel:
            return await work(Node(name, channel, metadata))


def node_options(*, insecure: bool = False, unless: str = "") -> Callable[[_Command], _Command]:
    """The flags every verb for nodes has; the command gets `nodes: Nodes`. `insecure` adds maintenance mode's; with the
    switch `unless` the verb asks no node, and there are none."""

    def decorate(function: _Command) -> _Command:
        @wraps(function)
        def wrapper(
            *args: Any,
            talosconfig: str | None,
            context: str,
            wanted: tuple[str, ...],
            endpoints: tuple[str, ...],
            stranger: bool = False,
            fingerprints: tuple[str, ...] = (),
            **kwargs: Any,
        ) -> Any:
            wanted, endpoints = given("wanted", wanted), given("endpoints", endpoints)
            if unless and kwargs[unless]:
                chosen = Nodes((), (), ClientTLS(insecure=True))
            elif stranger:
                chosen = _strangers(files.split(wanted), files.split(fingerprints))
            else:
                file, name = given("talosconfig", talosconfig), given("context", context)
                chosen = known(file, name, files.split(wanted), files.split(endpoints), remind=True)
            return function(*args, nodes=chosen, **kwargs)

        decorated: Any = wrapper
        if insecure:
            decorated = click.option(
                "--cert-fingerprint", "fingerprints", multiple=True, metavar="HEX", help="the key the node must show"
            )(decorated)
            decorated = click.option(
                "-i", "--insecure", "stranger", is_flag=True, help="talk to a node in maintenance mode"
            )(decorated)
        return common(decorated)  # type: ignore[no-any-return]  # click's decorators are untyped about what they wrap

    return decorate


def known(
    talosconfig: str | None, name: str, wanted: tuple[str, ...], endpoints: tuple[str, ...], *, remind: bool = False
) -> Nodes:
    """The nodes meant by flags and by the context of a client config; with `remind` a certificate that is about to end
    is told. Raises NotFound."""
    context = clientfile.load(clientfile.find(talosconfig)).get(name)
    endpoints = endpoints or context.endpoints
    if not endpoints:
        raise NotFound("no endpoint to connect to", remedy="give --endpoints, or set them with `config endpoint`")
    names = wanted or context.nodes or tuple(without_port(endpoint) for endpoint in endpoints)
    tls = ClientTLS(context.ca, context.crt or None, context.key or None)
    if remind:
        expiry.remind(context, SystemClock().now())
    return Nodes(names, endpoints, tls)


def _strangers(wanted: tuple[str, ...], fingerprints: tuple[str, ...]) -> Nodes:
    if not wanted:
        raise NotFound("no node to talk to", remedy="name it with --nodes")
    try:
        pins = tuple(bytes.fromhex(fingerprint.replace(":", "")) for fingerprint in fingerprints)
    except ValueError:
        raise Invalid("a fingerprint is 64 hexadecimal digits") from None
    tls = ClientTLS(fingerprints=pins) if pins else ClientTLS(insecure=True)
    return Nodes(wanted, (), tls, insecure=True)


def with_port(endpoint: str) -> str:
    """Where the door of an endpoint is."""
    return endpoint if _split(endpoint)[1] else f"{_bracketed(endpoint)}:{PORT}"


def without_port(endpoint: str) -> str:
    """The host of an endpoint."""
    return _split(endpoint)[0]


def _split(endpoint: str) -> tuple[str, str]:
    """(host, port or nothing); a bare IPv6 address has no port."""
    if endpoint.count(":") > 1 and not endpoint.startswith("["):
        return endpoint, ""
    host, _, port = endpoint.rpartition(":") if ":" in endpoint.rpartition("]")[2] else (endpoint, "", "")
    return host.strip("[]"), port


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _spoken(error: RpcError) -> str:
    return f"{error} ({error.code.name.lower().replace('_', ' ')})"
