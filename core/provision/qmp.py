"""QEMU's machine protocol (docs/interop/qmp-spec.rst) over a connected socket: one command at a time, every wait
bounded. Events that arrive between a command and its reply are kept in order in `events`; nothing is dropped."""

import json
import socket
import time
from typing import Any, Final, Self

from core.base.errors import IchorError, Unsupported

_LINE_LIMIT: Final = 1 << 20


class QmpError(IchorError):
    """QEMU refused a command, or went away before it answered."""


class Qmp:
    """A client that has finished the handshake. Owns the socket."""

    def __init__(self, sock: socket.socket, *, timeout: float = 10.0) -> None:
        """Read the greeting and leave negotiation mode. Raises QmpError or TimeoutError."""
        self._socket = sock
        self._timeout = timeout
        self._buffer = b""
        self.events: list[dict[str, Any]] = []
        greeting = self._message(time.monotonic() + timeout)
        if "QMP" not in greeting:
            raise Unsupported("the monitor did not greet as QMP")
        self.execute("qmp_capabilities")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up the monitor; the machine runs on."""
        self._socket.close()

    def execute(self, command: str, **arguments: Any) -> Any:
        """Run `command` (underscores in argument names become dashes) and return its value."""
        request = {"execute": command, "arguments": {k.replace("_", "-"): v for k, v in arguments.items()}}
        self._socket.settimeout(self._timeout)
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + self._timeout
        while True:
            message = self._message(deadline)
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise QmpError(f"{command}: {message['error'].get('desc', message['error'])}")
            else:
                return message.get("return")

    def await_event(self, name: str, seconds: float) -> dict[str, Any]:
        """The first event of that name among those kept, else the next to come. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not (found := [event for event in self.events if event["event"] == name]):
            self.events.append(self._message(deadline))
        return found[0]

    def human(self, line: str) -> str:
        """What the human monitor prints for `line`; the few facts QMP itself does not give."""
        return str(self.execute("human-monitor-command", command_line=line))

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("QEMU's monitor did not answer in time")
            self._socket.settimeout(remaining)
            data = self._socket.recv(65536)
            if not data:
                raise QmpError("QEMU closed its monitor")
            self._buffer += data
            if len(self._buffer) > _LINE_LIMIT:
                raise QmpError("QEMU's monitor sent a line without end")
        line, _, self._buffer = self._buffer.partition(b"\n")
        value = json.loads(line)
        if not isinstance(value, dict):
            raise QmpError("QEMU's monitor sent something that is no object")
        return value
