"""Sequences as data: phases in order, tasks of a phase side by side, and which sequence may take over from which. Owns
the words; what a task does is in `tasks`, how a sequence runs in `runner`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

Run = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Task:
    """One step, under the name clients see in TaskEvents. It must be harmless to run it again after a crash."""

    name: str
    run: Run


@dataclass(frozen=True, slots=True)
class Phase:
    """Tasks that run at the same time; the phase ends when all have."""

    name: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Phases in order. `final` sequences end the machine, and continue when machined is killed in their middle."""

    name: str
    phases: tuple[Phase, ...]
    final: bool = False


# running -> the sequences that may take over from it; any other pair is refused as locked
TAKEOVER: Final[dict[str, frozenset[str]]] = {
    "initialize": frozenset({"reboot", "shutdown"}),
    "boot": frozenset({"reboot", "shutdown", "reset"}),
    "reboot": frozenset({"reboot"}),
    "shutdown": frozenset({"shutdown", "reboot"}),
    "reset": frozenset({"reboot"}),
}
