"""grpc-go's client with generated stubs (tests/support/go/caller) as a thing to call: what a user's client does and is
told. Requests and messages are dicts as protobuf's JSON has them, with the field names of the .proto files."""

import base64
import json
import os
import select
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from core.config.client import Context
from tests.support import golang

WAIT: Final = 120.0  # seconds for a line
Message = dict[str, Any]


def encoded(data: bytes) -> str:
    """Bytes as protobuf's JSON has them."""
    return base64.b64encode(data).decode()


def joined(messages: Iterable[Message], field_: str = "bytes") -> bytes:
    """The bytes of a stream, put together."""
    return b"".join(base64.b64decode(message[field_]) for message in messages)


@dataclass(frozen=True, slots=True)
class End:
    """How a call ended: the code as grpc-go spells it, the text, metadata."""

    code: str
    error: str
    header: dict[str, list[str]] = field(default_factory=dict)
    trailer: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole call: its messages and how it ended."""

    messages: list[Message]
    end: End

    @property
    def only(self) -> Message:
        """The one message of a call that went well."""
        assert self.end.code == "OK", self.end
        (message,) = self.messages
        return message


class Call:
    """A call under way: iterate for its messages; `end` is set when there are no more."""

    def __init__(self, caller: "Caller", number: int) -> None:
        self._caller, self._number = caller, number
        self.end: End | None = None

    def __iter__(self) -> Iterator[Message]:
        while (message := self.next()) is not None:
            yield message

    def next(self) -> Message | None:
        """Its next message."""
        if self.end is not None:
            return None
        line = self._caller.line(self._number)
        if "message" in line:
            return line["message"]  # type: ignore[no-any-return]  # JSON
        self.end = End(line["code"], line["error"], line["header"] or {}, line["trailer"] or {})
        return None

    def cancel(self) -> None:
        """Give it up; it ends as Canceled."""
        self._caller.tell(ID=self._number)

    def rest(self) -> Answer:
        """All that is still to come."""
        messages = list(self)
        assert self.end is not None
        return Answer(messages, self.end)


class Caller:
    """One channel of a grpc-go client; it dials with its first call. `made` are the methods called, in order."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.made: list[str] = []
        self._count = 0
        self._rest = bytearray()
        self._lines: dict[int, deque[Message]] = {}

    def call(self, method: str, *requests: Message, **options: Any) -> Answer:
        """Make a call of "service/Method" and wait for its end; options as for `open`."""
        return self.open(method, *requests, **options).rest()

    def open(
        self,
        method: str,
        *requests: Message,
        metadata: Sequence[tuple[str, str]] = (),
        timeout: float = 0.0,
        fill: int = 0,
        wait: bool = False,
    ) -> Call:
        """Begin a call. `timeout` is its deadline; `fill`, so many zero bytes for the request's field `data`; who may
        `wait` does not fail because there is no connection yet."""
        self._count += 1
        self.made.append(method)
        self._lines[self._count] = deque()
        self.tell(
            ID=self._count,
            Method=method,
            Requests=requests or ({},),
            Metadata=list(metadata),
            Timeout=timeout,
            Fill=fill,
            Wait=wait,
        )
        return Call(self, self._count)

    def tell(self, **line: Any) -> None:
        """A line for the program."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        self._process.stdin.flush()

    def line(self, number: int) -> Message:
        """The next line about a call."""
        while not self._lines[number]:
            line = json.loads(self._read())
            self._lines[line["id"]].append(line)
        return self._lines[number].popleft()

    def _read(self) -> bytes:
        assert self._process.stdout is not None
        looked = 0
        while (end := self._rest.find(b"\n", looked)) < 0:
            looked = len(self._rest)
            assert select.select([self._process.stdout], [], [], WAIT)[0], "grpc-go says nothing"
            data = os.read(self._process.stdout.fileno(), 1 << 20)
            assert data, "grpc-go's client has died"
            self._rest += data
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line


@dataclass(frozen=True, slots=True)
class Knock:
    """What a handshake came to: what was agreed on, whether the server then spoke, and what ended it."""

    version: str
    protocol: str
    served: bool
    error: str


def knock(endpoint: str, context: Context, folder: Path, newest: str = "1.3", protocols: str = "h2") -> Knock:
    """Come as far as TLS, by Go's own (tests/support/go/knock)."""
    command = [str(golang.binary("knock")), endpoint, *files(context, folder), newest, protocols]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return Knock(**json.loads(done.stdout))


def files(context: Context, folder: Path) -> list[str]:
    """A context's CA, certificate and key as PEM files in `folder`; "" for what it lacks."""
    paths = []
    for name, content in (("ca", context.ca), ("crt", context.crt), ("key", context.key)):
        (folder / name).write_bytes(content)
        paths.append(str(folder / name) if content else "")
    return paths


@contextmanager
def calling(endpoint: str, context: Context, folder: Path, *, pings: int = 0) -> Iterator[Caller]:
    """A client with what a context of the client config file holds; the files go into `folder`. It `pings` after so
    many silent seconds, 10 at least."""
    command = [str(golang.binary("caller")), endpoint, *files(context, folder), str(pings)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Caller(process)
    finally:
        process.kill()
        process.communicate()
