"""The image file: its bytes against the budget, and the largest groups in it."""

import json
from collections.abc import Iterator
from typing import Final

from benchmarks.figures import Figure
from benchmarks.run import Run

GROUPS: Final = 6


def figures(run: Run) -> Iterator[Figure]:
    """The file, then its groups as they lie compressed in it."""
    table = json.loads((run.image / "sizes.json").read_bytes())
    yield Figure("image, cloud flavour", "MB", [(run.image / "ichor.img").stat().st_size / 1e6], 60, 50)
    largest = sorted(table["groups"].items(), key=lambda item: -item[1][1])[:GROUPS]
    for name, (_, stored) in largest:
        yield Figure(f"- {name}", "MB", [stored / 1e6])
