"""From an address to a connection on which the server has answered: resolve, connect, shake hands; one deadline."""

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import Invalid
from core.rpc.sockets import keep_alive
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from ext.http2.connection import Connection
from ext.http2.limits import Limits
from ext.http2.tls import TLSError

_Resolved = tuple[socket.AddressFamily, object]


@dataclass(frozen=True, slots=True)
class Target:
    """A unix socket's `path`, or a `host` and `port`."""

    path: str | None
    host: str = "localhost"
    port: int = 0

    @classmethod
    def parse(cls, address: str | Path) -> "Target":
        """Of a Path, "/path", "unix:/path", "host:port" or "[v6 address]:port". Raises Invalid."""
        text = str(address)
        path = text.removeprefix("unix://").removeprefix("unix:")
        if isinstance(address, Path) or path.startswith("/") or path != text:
            return cls(path)
        host, colon, port = text.rpartition(":")
        number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else -1
        if not colon or not 0 <= number < 1 << 16 or (":" in host and not host.startswith("[")):
            raise Invalid(
                f"{address!r} is not an address", remedy="write host:port, [v6 address]:port or a socket's path"
            )
        return cls(None, host.strip("[]"), number)

    @property
    def authority(self) -> str:
        """What goes into :authority."""
        if self.path is not None:
            return "localhost"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


async def dial(target: Target, tls: ClientTLS | None, timeout: float, message_limit: int) -> Connection:
    """A connection on which the server's SETTINGS have arrived. Raises RpcError UNAVAILABLE with the reason."""
    try:
        async with asyncio.timeout(timeout):
            addresses = await _resolve(target)
            for address in addresses[:-1]:
                try:
                    return await _open(target, address, tls, message_limit)
                except (OSError, TLSError):
                    continue  # the last address's failure is the one to tell
            return await _open(target, addresses[-1], tls, message_limit)
    except (OSError, TLSError) as error:
        raise RpcError(
            Code.UNAVAILABLE, f"cannot connect to {target.path or target.authority}: {_why(error)}"
        ) from error


def _why(error: OSError | TLSError) -> str:
    """The kernel's words where it has some: what asyncio says in their place depends on when it was told."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number is not None and number > 0 else str(error)


async def _resolve(target: Target) -> list[_Resolved]:
    if target.path is not None:
        return [(socket.AF_UNIX, target.path)]
    where, kind = (target.host, target.port), socket.SOCK_STREAM
    found: Sequence[tuple[socket.AddressFamily, int, int, str, object]]
    try:  # an address is nothing to ask a name server about, so no thread has to wait for one
        found = socket.getaddrinfo(*where, type=kind, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        found = await asyncio.get_running_loop().getaddrinfo(*where, type=kind)
    return [(family, address) for family, _, _, _, address in found]


async def _open(target: Target, resolved: _Resolved, tls: ClientTLS | None, message_limit: int) -> Connection:
    loop = asyncio.get_running_loop()
    family, address = resolved
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await loop.sock_connect(sock, address)  # type: ignore[arg-type]  # a path or what getaddrinfo gave
        if family != socket.AF_UNIX:
            keep_alive(sock)
        name, is_address = tls.name(target.host) if tls is not None else ("", False)
        connection = Connection(
            False,
            loop=loop,
            sock=sock,
            tls=tls.context if tls is not None else None,
            name=name,
            name_is_address=is_address,
            limits=Limits(message=message_limit, idle=0),
        )
    except BaseException:
        sock.close()
        raise
    try:
        await connection.ready
    except BaseException:
        connection.close("dialling was given up")
        raise
    return connection
