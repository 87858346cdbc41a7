"""Counters made into rates, and rates kept for graphs. Times are seconds of one monotonic clock, handed in; a rate that
cannot be known (the first sample, a counter that began anew, no time between two) is None and never zero."""

from collections import deque
from collections.abc import Sequence
from typing import Final

KEPT: Final = 512  # samples of a graph: more than a terminal is wide


class Meter:
    """One counter that only grows: its rate between the last two samples."""

    __slots__ = ("_at", "_value", "rate")

    def __init__(self) -> None:
        self._at, self._value = 0.0, -1.0
        self.rate: float | None = None

    def take(self, at: float, value: float) -> float | None:
        """A sample; the rate per second since the one before."""
        began, before = self._at, self._value
        self._at, self._value = at, value
        self.rate = (value - before) / (at - began) if 0 <= before <= value and at > began else None
        return self.rate


class Series:
    """The latest values of something, oldest first."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: deque[float | None] = deque(maxlen=KEPT)

    def take(self, value: float | None) -> None:
        """One more."""
        self._values.append(value)

    def last(self, number: int) -> Sequence[float | None]:
        """As many as there are of the last `number`."""
        values = list(self._values)
        return values[max(0, len(values) - number) :]

    @property
    def now(self) -> float | None:
        """The latest."""
        return self._values[-1] if self._values else None


def total(rates: Sequence[float | None]) -> float | None:
    """The sum of those that are known; None when none is."""
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None
