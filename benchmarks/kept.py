"""docs/bench.json: the last figures of each suite and the commit at which it ran, from which docs/results.md and
docs/bench.svg are made. A run of some suites leaves the lines of the others as they are."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import page, picture
from benchmarks.figures import Figure, labels, table

DOCS: Final = page.ROOT / "docs"


def save(suites: Mapping[str, Sequence[Figure]], order: Sequence[str], docs: Path = DOCS) -> None:
    """Put the figures of `suites` in place of their last ones, in `order`; draw and write the pages anew."""
    found, commit = docs / "bench.json", page.commit()
    before = json.loads(found.read_text())["figures"] if found.exists() else []
    made = [
        {"suite": suite, **figure.summary(label), "commit": commit}
        for suite, figures in suites.items()
        for figure, label in zip(figures, labels(figures), strict=True)
    ]
    lines = [*made, *(line for line in before if line["suite"] in order and line["suite"] not in suites)]
    lines.sort(key=lambda line: order.index(line["suite"]))
    found.write_text(_text(lines))
    page.replace(docs / "results.md", "Benchmarks", table(lines))
    picture.draw(found, docs / "bench.svg")


def _text(lines: Sequence[Mapping[str, Any]]) -> str:
    """A line for each figure, so that a change of one is a change of one line."""
    body = ",\n".join(f"  {json.dumps(line)}" for line in lines)
    return f'{{"about": {json.dumps(page.about())},\n "figures": [\n{body}\n]}}\n'
