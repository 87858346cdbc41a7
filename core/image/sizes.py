"""How large the image is and of what, against its budget."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from core.image.entry import Entry

BUDGET: Final = 60_000_000


def table(entries: Iterable[Entry], made: Any) -> dict[str, Any]:
    groups: dict[str, int] = defaultdict(int)
    for entry in entries:
        if entry.is_file:
            groups[entry.group] += len(entry.content())
    return {"groups": dict(groups), "image": made.image.stat().st_size}


def render(table: dict[str, Any]) -> str:
    return str(table)
