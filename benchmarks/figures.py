"""What a benchmark yields: one figure a line, in one unit, with its spread, its budget and, where there is one, a peer
measured in the same run. Owns the table's form."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks import page

HEADINGS: Final = ("figure", "median", "spread", "n", "budget", "then", "peer", "ratio", "commit")


@dataclass(frozen=True, slots=True)
class Figure:
    """`values` are all rounds, in `unit`; less is better. `budget` is what must hold now and `then` what is aimed at.
    `peer` is (name, its rounds), `others` are more such; `ratio_budget` is what must hold of ours over the peer's."""

    name: str
    unit: str
    values: Sequence[float]
    budget: float | None = None
    then: float | None = None
    peer: tuple[str, Sequence[float]] | None = None
    ratio_budget: float | None = None
    others: Sequence[tuple[str, Sequence[float]]] = ()

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's, by their medians."""
        return None if self.peer is None else self.median / statistics.median(self.peer[1])

    def plain(self, label: str) -> dict[str, Any]:
        """For JSON: everything, rounds included; `label` is its name that stands alone."""
        peer = None if self.peer is None else {"name": self.peer[0], "values": list(self.peer[1])}
        return {
            "label": label,
            "unit": self.unit,
            "median": self.median,
            "values": list(self.values),
            "budget": self.budget,
            "then": self.then,
            "peer": peer,
            "ratio": self.ratio,
            "ratio_budget": self.ratio_budget,
            "others": [{"name": name, "values": list(values)} for name, values in self.others],
        }

    def summary(self, label: str) -> dict[str, Any]:
        """For JSON that is kept in the tree: of the rounds the least, the median, the most and how many."""
        peers = [*([] if self.peer is None else [self.peer]), *self.others]
        found = {
            "name": self.name,
            "label": label,
            "unit": self.unit,
            "values": [_digits(min(self.values)), _digits(self.median), _digits(max(self.values))],
            "n": len(self.values),
            "budget": self.budget,
            "then": self.then,
            "ratio_budget": self.ratio_budget,
            "peers": [{"name": name, "median": _digits(statistics.median(values))} for name, values in peers],
        }
        return {key: value for key, value in found.items() if value not in (None, [])}


def labels(figures: Iterable[Figure]) -> list[str]:
    """Names that stand alone: `- wall` below `dump` becomes `dump: wall`, and one against a peer names it. No two are
    equal."""
    found: list[str] = []
    above = ""
    for figure in figures:
        below = figure.name.removeprefix("- ")
        if below == figure.name:
            above = label = figure.name
        else:
            against = f" {figure.peer[0]}" if figure.peer and below == "against" else ""
            label = f"{above}: {below}{against}"
        again = sum(1 for other in found if other == label or other.startswith(f"{label} ("))
        found.append(f"{label} ({again + 1})" if again else label)
    return found


def row(kept: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of a summary's line, as in HEADINGS; `commit` is where it was measured, as far as it is known."""
    least, median, most = kept["values"]
    peers = kept.get("peers", ())
    then = kept.get("then")
    ratio, allowed = median / peers[0]["median"] if peers else None, kept.get("ratio_budget")
    said = "" if ratio is None else short(ratio) if allowed is None else f"{short(ratio)} of {_verdict(ratio, allowed)}"
    return (
        kept["name"],
        f"{short(median)} {kept['unit']}",
        f"{short(least)} .. {short(most)}" if kept["n"] > 1 else "",
        str(kept["n"]),
        _verdict(median, kept["budget"]) if "budget" in kept else "",
        "" if then is None else f"{short(then)}{' ok' if median <= then else ''}",
        ", ".join(f"{peer['name']} {short(peer['median'])}" for peer in peers),
        said,
        kept.get("commit", ""),
    )


def table(summaries: Iterable[Mapping[str, Any]]) -> str:
    """All of them, as text that is Markdown too."""
    return page.table(HEADINGS, map(row, summaries))


def _verdict(value: float, budget: float) -> str:
    return f"{short(budget)} {'ok' if value <= budget else 'MISSED'}"


def _digits(value: float) -> float:
    return float(f"{value:.4g}")


def short(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
