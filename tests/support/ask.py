"""Talking to the stand-in for machined (tests/support/node)."""

import json
import socket
from typing import Any

from tests.support.pid1 import Node, until


def ask(node: Node, what: str, **arguments: Any) -> Any:
    """One request to the present machined; its JSON reply."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(40.0)
        connection.connect(str(node.path("/run/machined.sock")))
        connection.sendall(json.dumps({"do": what, **arguments}).encode() + b"\n")
        reply = b""
        while piece := connection.recv(1 << 16):
            reply += piece
    return json.loads(reply)


def answering(node: Node, other_than: int = 0) -> int:
    """The pid of the machined that answers, once it is another than `other_than`."""
    found = 0

    def look() -> bool:
        nonlocal found
        try:
            found = int(ask(node, "pid"))
        except (OSError, ValueError):
            return False  # not there yet, or it was killed while it answered
        return found != other_than

    until(look, 20.0, "machined to answer")
    return found


def replaced(node: Node, name: str, old: int) -> int:
    """The pid of the daemon `name` once it is another than `old`."""
    until(lambda: node.pid_of(f"ichor-{name}") not in (0, old), 20.0, f"another {name}")
    return node.pid_of(f"ichor-{name}")


def settled(node: Node) -> dict[str, int]:
    """The pids of spawner, machined and apid once all three are there and machined answers."""
    answering(node)
    pids: dict[str, int] = {}

    def look() -> bool:
        pids.update({name: node.pid_of(f"ichor-{name}") for name in ("spawner", "machined", "apid")})
        return all(pids.values())

    until(look, 20.0, "all daemons")
    return pids
