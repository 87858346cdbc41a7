"""Families of metrics as OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/). Sans I/O; what a
number means is for who counts it. Refuses names that the format does not allow; a label's value may be any text."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from core.base.errors import Invalid

TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SUFFIXES: Final = {"counter": "_total", "gauge": "", "histogram": "_bucket", "info": "_info", "summary": ""}
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_UNITS: Final = ("seconds", "bytes", "ratio")
_ESCAPED: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(slots=True)
class Family:
    """A metric: `kind` is one of SUFFIXES; `lines` are its samples as they will stand in the text. A counter's name is
    without _total, an info's without _info. Raises Invalid for what is no name."""

    name: str
    kind: str
    help: str
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        suffix = SUFFIXES.get(self.kind)
        if suffix is None or not _NAME.fullmatch(self.name) or (suffix and self.name.endswith(suffix)):
            raise Invalid(f"{self.name!r} cannot be the name of a {self.kind}")

    def add(self, value: float, **labels: str) -> "Family":
        """One sample of a counter, a gauge or an info, whose value is 1."""
        return self._line(SUFFIXES[self.kind], labels, value)

    def add_sum(self, count: int, total: float, **labels: str) -> "Family":
        """One summary without quantiles: how many, and what they come to."""
        return self._line("_count", labels, count)._line("_sum", labels, total)

    def add_counts(self, bounds: Sequence[float], counts: Sequence[int], total: float, **labels: str) -> "Family":
        """One histogram: for each bound how many lie above the one before, then how many above all; and their sum."""
        sums = list(accumulate(counts))
        for bound, count in zip((*bounds, math.inf), sums, strict=True):
            self._line("_bucket", labels | {"le": _number(float(bound))}, count)
        return self._line("_count", labels, sums[-1])._line("_sum", labels, total)

    def _line(self, suffix: str, labels: dict[str, str], value: float) -> "Family":
        said = ",".join(f'{key}="{text.translate(_ESCAPED)}"' for key, text in labels.items())
        self.lines.append(f"{self.name}{suffix}{f'{{{said}}}' if said else ''} {_number(value)}")
        return self


def render(families: Iterable[Family]) -> bytes:
    """The whole text. Several families of one name are one; those without a sample are left out."""
    joined: dict[str, Family] = {}
    for family in families:
        found = joined.setdefault(family.name, family)
        if found is not family:
            found.lines.extend(family.lines)
    lines = [line for family in joined.values() if family.lines for line in (*_heading(family), *family.lines)]
    return "\n".join([*lines, "# EOF", ""]).encode("utf-8", "replace")


def _heading(family: Family) -> list[str]:
    unit = family.name.rpartition("_")[2]
    said = [f"# TYPE {family.name} {family.kind}"]
    if unit in _UNITS:
        said.append(f"# UNIT {family.name} {unit}")
    return [*said, f"# HELP {family.name} {family.help.translate(_ESCAPED)}"]


def _number(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return repr(value)
