"""The tables of /proc as fields of text, line by line. Owns how they are read (whole, as bytes that may be no text) and
split; what a field means is for who asked."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
TICKS: Final = os.sysconf("SC_CLK_TCK")  # of a second, in which processor time is counted


def text(name: str, root: Path = PROC) -> str:
    """A file of /proc, whole. Raises OSError."""
    return (root / name).read_text(errors="surrogateescape")


def rows(table: str) -> Iterator[list[str]]:
    """The fields of each line."""
    for line in table.splitlines():
        fields = line.split()
        if fields:
            yield fields


def pairs(table: str) -> Iterator[tuple[str, str]]:
    """Key and value of each line `key: value`; an empty line between two groups is a pair of empty strings."""
    for line in table.splitlines():
        key, _, value = line.partition(":")
        yield key.strip(), value.strip()
