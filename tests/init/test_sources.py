"""What the sources promise: no heap."""

import subprocess
from pathlib import Path

import pytest

from tests.support.pid1 import CHECKOUT

SOURCES = sorted((CHECKOUT / "ext/init").glob("*.c"))
# allocate, or start stdio's buffers, which do
HEAP = {
    "malloc",
    "calloc",
    "realloc",
    "free",
    "fopen",
    "printf",
    "fprintf",
    "puts",
    "strdup",
    "opendir",
    "getline",
    "asprintf",
}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_nothing_allocates(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "unit.o"
    subprocess.run(["gcc", "-std=gnu11", "-O0", "-c", "-o", target, source], check=True)
    symbols = subprocess.run(["nm", "-u", target], check=True, capture_output=True, text=True).stdout.split()
    assert not HEAP & set(symbols)
