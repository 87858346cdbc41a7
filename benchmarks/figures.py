"""What a benchmark yields: one figure a line, in one unit, with its spread, its budget and, where there is one, a peer
measured in the same run. Owns the table's form."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks import page

HEADINGS: Final = ("figure", "median", "spread", "n", "budget", "then", "peer", "ratio")


@dataclass(frozen=True, slots=True)
class Figure:
    """`values` are all rounds, in `unit`; less is better. `budget` is what must hold now and `then` what is aimed at.
    `peer` is (name, its rounds)."""

    name: str
    unit: str
    values: Sequence[float]
    budget: float | None = None
    then: float | None = None
    peer: tuple[str, Sequence[float]] | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's, by their medians."""
        return None if self.peer is None else self.median / statistics.median(self.peer[1])

    def row(self) -> tuple[str, ...]:
        """The cells of its line, as in HEADINGS."""
        spread = f"{_short(min(self.values))} .. {_short(max(self.values))}" if len(self.values) > 1 else ""
        verdict = (
            "" if self.budget is None else f"{_short(self.budget)} {'ok' if self.median <= self.budget else 'MISSED'}"
        )
        then = "" if self.then is None else f"{_short(self.then)}{' ok' if self.median <= self.then else ''}"
        peer = "" if self.peer is None else f"{self.peer[0]} {_short(statistics.median(self.peer[1]))}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return (
            self.name,
            f"{_short(self.median)} {self.unit}",
            spread,
            str(len(self.values)),
            verdict,
            then,
            peer,
            ratio,
        )

    def plain(self) -> dict[str, Any]:
        """For JSON: everything, rounds included."""
        peer = None if self.peer is None else {"name": self.peer[0], "values": list(self.peer[1])}
        made = {"name": self.name, "unit": self.unit, "median": self.median, "values": list(self.values)}
        return {**made, "budget": self.budget, "then": self.then, "peer": peer, "ratio": self.ratio, **self.detail}


def table(figures: Iterable[Figure]) -> str:
    """All of them, as text that is Markdown too."""
    return page.table(HEADINGS, (figure.row() for figure in figures))


def _short(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
