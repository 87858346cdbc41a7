"""What every resource carries beside its spec, and the two ways to name resources: one (Pointer) or all of a type in a
namespace (Kind). Values only; the store alone makes versions, times and phases."""

import enum
from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

S = TypeVar("S", covariant=True)


class Phase(enum.StrEnum):
    """Running, or waiting for the holders of its finalizers to let go before it is destroyed."""

    RUNNING = "running"
    TEARING_DOWN = "tearingDown"


class Kind(NamedTuple, Generic[S]):
    """All resources of one type in one namespace; `S` is their spec."""

    namespace: str
    type: str


class Pointer(NamedTuple, Generic[S]):
    """One resource."""

    namespace: str
    type: str
    id: str

    @property
    def kind(self) -> Kind[S]:
        return Kind(self.namespace, self.type)

    def __str__(self) -> str:
        return f"{self.type}({self.namespace}/{self.id})"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Identity and state of a resource. `version` counts from 1 and is 0 before the store has seen it; `owner` is the
    controller that alone may change the spec (empty: nobody in particular); times are seconds since the epoch."""

    namespace: str
    type: str
    id: str
    version: int = 0
    phase: Phase = Phase.RUNNING
    owner: str = ""
    finalizers: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    created: float = 0.0
    updated: float = 0.0

    @property
    def pointer(self) -> Pointer[Any]:
        return Pointer(self.namespace, self.type, self.id)

    @property
    def tearing_down(self) -> bool:
        return self.phase is Phase.TEARING_DOWN

    @property
    def destroy_ready(self) -> bool:
        """Torn down and held by nobody."""
        return self.tearing_down and not self.finalizers
