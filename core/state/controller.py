"""What a controller is: a name, what it reads, what it writes, and a way to make the second agree with the first.
Everything it may touch is declared, so that the graph of the node is data and is checked when it registers."""

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.state.metadata import Kind, Pointer
from core.state.resource import Spec

if TYPE_CHECKING:
    from core.state.scope import Scope


class Strength(enum.Enum):
    """How an input binds: WEAK looks, STRONG may hold (finalizers), DESTROY_READY is woken only by resources that are
    torn down and held by nobody."""

    WEAK = "weak"
    STRONG = "strong"
    DESTROY_READY = "destroy-ready"


@dataclass(frozen=True, slots=True)
class Input:
    """A kind, or one id of it, that is read and whose changes wake the controller."""

    kind: Kind[Any]
    id: str | None = None
    strength: Strength = Strength.WEAK


@dataclass(frozen=True, slots=True)
class Output:
    """A type that is written: by this controller alone, or shared with others, each owning its own resources."""

    type: str
    shared: bool = False


Target = type[Spec] | Kind[Any] | Pointer[Any]


def weak(target: Target) -> Input:
    """Read it and be woken by its changes."""
    return _input(target, Strength.WEAK)


def strong(target: Target) -> Input:
    """The same, and hold what must not vanish before its effect is undone."""
    return _input(target, Strength.STRONG)


def destroy_ready(target: Target) -> Input:
    """Be woken when one can be destroyed."""
    return _input(target, Strength.DESTROY_READY)


def exclusive(spec: type[Spec]) -> Output:
    """The only writer of this type."""
    return Output(spec.definition.type)


def shared(spec: type[Spec]) -> Output:
    """One of several writers of this type."""
    return Output(spec.definition.type, shared=True)


class Controller:
    """Base of controllers. `reconcile` is called once at the start and after every change of an input; changes that
    come in the meantime count as one. It must do nothing when there is nothing to do. `work` is for what comes from
    outside the store (a netlink socket, a child): it runs beside and calls `scope.wake`. What either raises is logged
    and tried again later; other controllers do not notice."""

    name: str
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()

    async def reconcile(self, scope: "Scope") -> None:
        """Make the outputs agree with the inputs."""

    async def work(self, scope: "Scope") -> None:
        """Run for as long as the node does, or return if there is nothing to run."""


def _input(target: Target, strength: Strength) -> Input:
    if isinstance(target, Pointer):
        return Input(target.kind, target.id, strength)
    return Input(target if isinstance(target, Kind) else target.all(), None, strength)
