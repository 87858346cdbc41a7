"""Sequences as data: phases in order, tasks of a phase side by side, and which sequence may take over from which. Owns
the words; what a task does is in `tasks`, how a sequence runs in `runner`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

Run = Callable[[Any], Awaitable[None]]


class Order(msgspec.Struct, frozen=True):
    """What was asked for. Of a reboot: `patience`, the seconds that pods have to go elsewhere, where the node is not to
    go before they have (0: it goes all the same). Of a reset: which volumes are wiped (`disk` is theirs), which disks
    whole, and what comes then."""

    graceful: bool = False
    reboot: bool = False
    volumes: tuple[str, ...] = ()
    disk: str = ""
    disks: tuple[str, ...] = ()
    patience: float = 0.0

    @property
    def forgets(self) -> bool:
        """Whether the node will not be who it was: its identity, or its data of etcd, are among what goes."""
        return self.disk in self.disks or not {"STATE", "EPHEMERAL"}.isdisjoint(self.volumes)


@dataclass(frozen=True, slots=True)
class Task:
    """One step, under the name clients see in TaskEvents. It must be harmless to run it again after a crash."""

    name: str
    run: Run


def always(order: Order) -> bool:
    """Whatever was asked for."""
    return True


@dataclass(frozen=True, slots=True)
class Phase:
    """Tasks that run at the same time; the phase ends when all have. `when` says whether it is for an order like that
    one; where a `gate` fails, the sequence ends before anything is lost, even a final one."""

    name: str
    tasks: tuple[Task, ...]
    when: Callable[[Order], bool] = always
    gate: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """Phases in order. `final` sequences end the machine, and continue when machined is killed in their middle."""

    name: str
    phases: tuple[Phase, ...]
    final: bool = False


CLOSED: Final = "volumeFinalize"
"""The phase behind which no volume is in use any more, in all that have it."""
# running -> the sequences that may take over from it; any other pair is refused as locked
TAKEOVER: Final[dict[str, frozenset[str]]] = {
    "initialize": frozenset({"reboot", "shutdown"}),
    "boot": frozenset({"reboot", "shutdown", "reset"}),
    "reboot": frozenset({"reboot"}),
    "shutdown": frozenset({"shutdown", "reboot"}),
    "reset": frozenset({"reboot"}),
}
