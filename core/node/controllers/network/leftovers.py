"""What of ours in the kernel has to go. A machined that starts anew finds the addresses and routes of the one
before: they stay in use until the layers have had time to want them again (a DHCP exchange may be under way), and
go only then."""

from collections.abc import Set
from typing import Final, Generic, TypeVar

from core.state import Scope

T = TypeVar("T")
GRACE: Final = 120.0  # seconds for what an earlier machined left


class Leftovers(Generic[T]):
    """Remembers what this process has wanted before; that goes as soon as it is not wanted any longer."""

    def __init__(self) -> None:
        self._had: set[T] = set()
        self._until: float | None = None

    def of(self, scope: Scope, wanted: Set[T], ours: Set[T]) -> Set[T]:
        """What of `ours` to remove now. Asks to be called again when the time of grace is over."""
        now = scope.clock.monotonic()
        self._until = now + GRACE if self._until is None else self._until
        self._had |= wanted
        stale = ours - wanted
        if now >= self._until or stale <= self._had:
            return stale
        scope.later(self._until - now)
        return stale & self._had
