"""The image's lists in data/: one thing a line, each with its reason. Owns their syntax alone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.base.errors import Invalid

DATA: Final = Path(__file__).with_name("data")


def read(name: str) -> list[tuple[str, str]]:
    """(thing, reason) of each line `thing  # reason`."""
    found = []
    for line in _content(name):
        thing, _, reason = line.partition(" # ")
        if not reason:
            raise Invalid(f"{name}: a line gives no reason: {line}")
        found.append((thing.strip(), reason.strip()))
    return found


def rows(name: str | Path, columns: int) -> list[tuple[str, ...]]:
    """The columns of each line `a | b | c`, of a list in data/ or of a file elsewhere."""
    found = []
    for line in _content(name):
        row = tuple(part.strip() for part in line.split(" | "))
        if len(row) != columns or not all(row):
            raise Invalid(f"{name}: a line has not {columns} columns: {line}")
        found.append(row)
    return found


def patterns(name: str) -> list[tuple[re.Pattern[str], str]]:
    """(compiled pattern, reason) of each line."""
    return [(re.compile(pattern), reason) for pattern, reason in read(name)]


def _content(name: str | Path) -> Iterator[str]:
    for line in (DATA / name).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            yield line
