"""The flags that each release of Kubernetes publishes, from flags.tsv."""

from functools import cache
from pathlib import Path
from typing import Final

from core.cluster.kubernetes.versions import Release

LIST: Final = Path(__file__).with_name("flags.tsv")


@cache
def flags(program: str, release: Release) -> frozenset[str]:
    """What the program of that release can be told."""
    rows = (line.split("\t") for line in LIST.read_text().splitlines() if not line.startswith("#"))
    return frozenset(flag for name, flag, minors in rows if name == program and _within(release[1], minors))


def _within(minor: int, minors: str) -> bool:
    first, _, last = minors.partition("-")
    return int(first) <= minor <= int(last)
