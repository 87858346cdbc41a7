"""`python -m tests.fuzz.grow NAME SECONDS`: fuzz a target for that long and keep in its corpus, of all that was found,
the few small files that reach furthest; seeds and crashes stay."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.fuzz.engine import ROOT, command
from tests.fuzz.target import CORPUS

MOST: Final = 30  # files of a corpus
LARGEST: Final = 2048


def _libfuzzer(name: str, *arguments: str) -> None:
    line, environment = command(name, arguments)
    subprocess.run(line, env=environment, cwd=ROOT, check=True, capture_output=True)


def grow(name: str, seconds: int) -> int:
    """How many files are new."""
    corpus, new = CORPUS / name, 0
    with tempfile.TemporaryDirectory() as found, tempfile.TemporaryDirectory() as kept:
        for path in corpus.glob("grown-*"):
            path.rename(Path(found, path.name))
        _libfuzzer(name, f"-max_total_time={seconds}", "-reduce_inputs=1", found, str(corpus))
        for path in corpus.iterdir():
            Path(kept, path.name).write_bytes(path.read_bytes())
        before = set(Path(kept).iterdir())
        _libfuzzer(name, "-merge=1", kept, found)
        sizes = sorted((path.stat().st_size, path) for path in set(Path(kept).iterdir()) - before)
        room = max(MOST - len(before), MOST // 3)
        for size, path in _spread(sizes, room):
            if size <= LARGEST:
                data = path.read_bytes()
                (corpus / f"grown-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)
                new += 1
    return new


def _spread(sizes: list[tuple[int, Path]], room: int) -> list[tuple[int, Path]]:
    """As many as there is room for, from the smallest to the largest at even steps."""
    step = max(1, -(-len(sizes) // room))
    return sizes[step - 1 :: step]


print(f"{sys.argv[1]}: {grow(sys.argv[1], int(sys.argv[2]))} new files")
