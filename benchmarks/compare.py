"""Two trees beside each other: what a suite measured in each, round by round. Sans I/O: `benchmarks.base` runs them."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks import page
from benchmarks.figures import short

HEADINGS: Final = ("figure", "base", "now", "ratio", "its spread", "n", "verdict", "peer's ratio")
Round = Mapping[str, Mapping[str, Any]]
"""A run of a suite in one tree: its figures as plain values, by label."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A figure of both trees. `ratios` are now over base, of the two runs of each round, which lie close in time.
    `peers` is the same ratio of the peer, which no tree changes: how far it is from 1 is what the machine did."""

    label: str
    unit: str
    base: Sequence[float]
    now: Sequence[float]
    peers: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        """One a round."""
        return [now / base for base, now in zip(self.base, self.now, strict=True) if base]

    @property
    def verdict(self) -> str:
        """`less` or `more` when no round says otherwise, of three at the least; nothing when they disagree."""
        if len(self.ratios) < 3:
            return ""
        return "less" if max(self.ratios) < 1 else "more" if min(self.ratios) > 1 else ""

    def row(self) -> tuple[str, ...]:
        """The cells of its line, as in HEADINGS."""
        ratios = self.ratios
        return (
            self.label,
            f"{short(statistics.median(self.base))} {self.unit}",
            f"{short(statistics.median(self.now))} {self.unit}",
            short(statistics.median(ratios)) if ratios else "",
            f"{short(min(ratios))} .. {short(max(ratios))}" if len(ratios) > 1 else "",
            str(len(ratios)),
            self.verdict,
            short(statistics.median(self.peers)) if self.peers else "",
        )

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "label": self.label,
            "unit": self.unit,
            "base": list(self.base),
            "now": list(self.now),
            "ratios": self.ratios,
            "verdict": self.verdict,
            "peers": list(self.peers),
        }


def pairs(rounds: Sequence[tuple[Round, Round]]) -> tuple[list[Pair], list[str]]:
    """The figures that every round (base, now) has in both trees, in their order; and the labels of the others."""
    runs = [run for both in rounds for run in both]
    seen = dict.fromkeys(label for run in reversed(runs) for label in run)
    common = [label for label in seen if all(label in run for run in runs)]
    return [_pair(label, rounds) for label in common], [label for label in seen if label not in common]


def table(found: Iterable[Pair]) -> str:
    """All of them, as text that is Markdown too."""
    return page.table(HEADINGS, (pair.row() for pair in found))


def _pair(label: str, rounds: Sequence[tuple[Round, Round]]) -> Pair:
    base = [both[0][label] for both in rounds]
    now = [both[1][label] for both in rounds]
    peers = [(_peer(before), _peer(after)) for before, after in zip(base, now, strict=True)]
    return Pair(
        label,
        now[0]["unit"],
        [figure["median"] for figure in base],
        [figure["median"] for figure in now],
        [after / before for before, after in peers if before and after],
    )


def _peer(figure: Mapping[str, Any]) -> float | None:
    return statistics.median(figure["peer"]["values"]) if figure["peer"] else None
