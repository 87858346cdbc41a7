"""The port of a daemon with a door to the network: one listening socket for all of its processes, made once and kept by
init, so that callers wait in its backlog while no process is behind it. The daemon's first process binds it before it
gives its rights away, and later ones find it with init. So the spawner never holds a socket to the network, and a port
that somebody else has is the end of that daemon, told and tried again, and not of the spawner."""

import socket
from typing import Final

from core.linux.init import FdTable

BACKLOG: Final = 512


def listener(table: FdTable, daemon: str, port: int) -> int:
    """The daemon's listening socket, the caller's to close: init's, or a new one on all addresses of both families."""
    held = table.get(_name(daemon))
    if held is not None:
        return held
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections keep the port for a while
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", port))
        sock.listen(BACKLOG)
        table.put(_name(daemon), sock.fileno())
        return sock.detach()


def give_up(table: FdTable, daemon: str) -> None:
    """Nobody is to come here any more: who still waits is refused with the last process that has the socket."""
    if _name(daemon) in table.names():
        table.drop(_name(daemon))


def _name(daemon: str) -> str:
    return f"door.{daemon}"
