"""What nodes tell as it happens: events as sentences, and the lines of a log. Only the latest are kept, and a count of
all, by which a view knows what it has not shown yet."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from google.protobuf.message import Message

from core.base.text import printable
from core.cli import happenings
from core.codec.xid import Xid
from core.rpc.pb.machine import machine_pb2 as pb

T = TypeVar("T")
LINES: Final = 2000  # of a log
EVENTS: Final = 500
_LONGEST: Final = 4096  # characters of a line that are shown


@dataclass(slots=True)
class Tail(Generic[T]):
    """The latest of what came; `count` is how many came at all."""

    kept: deque[T]
    count: int = 0

    def add(self, item: T) -> None:
        """One more."""
        self.kept.append(item)
        self.count += 1

    def since(self, count: int) -> Sequence[T]:
        """Those behind the first `count`, as far as they are kept."""
        new = min(self.count - count, len(self.kept))
        return list(self.kept)[len(self.kept) - new :] if new > 0 else []


@dataclass(slots=True)
class Log:
    """The end of a log, in lines fit for a terminal."""

    name: str = ""
    lines: Tail[str] = field(default_factory=lambda: Tail(deque(maxlen=LINES)))
    _rest: bytes = b""

    def begin(self, name: str) -> None:
        """Another log, of which nothing is known."""
        self.name, self.lines, self._rest = name, Tail(deque(maxlen=LINES)), b""

    def take(self, data: bytes) -> None:
        """A piece of it: any part of a line, or many."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self.lines.add(shown(line))
        if len(self._rest) > _LONGEST:
            self.lines.add(shown(self._rest))
            self._rest = b""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event: when (Unix seconds by the node's clock), what about, and what."""

    at: int
    about: str
    said: str


@dataclass(slots=True)
class Happenings:
    """The events of a node."""

    tail: Tail[Happening] = field(default_factory=lambda: Tail(deque(maxlen=EVENTS)))

    def take(self, event: pb.Event) -> None:
        """The next one."""
        about, said = sentence(happenings.kind(event), happenings.decoded(event))
        self.tail.add(Happening(Xid.parse(event.id).seconds, about, printable(said)))


def shown(line: bytes) -> str:
    """A line of a stranger's as a terminal may have it."""
    text = line[: 4 * _LONGEST].decode("utf-8", "replace").rstrip("\r").expandtabs()
    return printable(text[:_LONGEST])


def sentence(kind: str, message: Message | None) -> tuple[str, str]:
    """(what it is about, what happened)."""
    match message:
        case pb.ServiceStateEvent():
            action = pb.ServiceStateEvent.Action.Name(message.action).capitalize()
            return "service", f"{message.service} {action}: {message.message}"
        case pb.SequenceEvent():
            failed = f": {message.error.message}" if message.error.message else ""
            return "sequence", f"{message.sequence} {pb.SequenceEvent.Action.Name(message.action).lower()}{failed}"
        case pb.PhaseEvent():
            return "phase", f"{message.phase} {pb.PhaseEvent.Action.Name(message.action).lower()}"
        case pb.TaskEvent():
            return "task", f"{message.task} {pb.TaskEvent.Action.Name(message.action).lower()}"
        case pb.MachineStatusEvent():
            stage = pb.MachineStatusEvent.MachineStage.Name(message.stage).lower().replace("_", " ")
            unmet = ", ".join(condition.name for condition in message.status.unmet_conditions)
            return "machine", f"{stage}, {'ready' if message.status.ready else f'not ready: {unmet}'}"
        case pb.AddressEvent():
            return "address", f"{message.hostname} {', '.join(message.addresses)}"
        case pb.ConfigLoadErrorEvent() | pb.ConfigValidationErrorEvent():
            return "config", message.error
        case _:
            fields = [] if message is None else [f"{field.name}={value}" for field, value in message.ListFields()]
            return printable(kind.removesuffix("Event").lower()), " ".join(fields)
