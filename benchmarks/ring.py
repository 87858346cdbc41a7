"""The log ring: one append from Python, reading 100-byte lines in 64 KiB pieces, against memcpy of the same bytes."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.figures import Figure
from benchmarks.run import Run
from ext.ring import Reader, Ring

LINE: Final = b"x" * 99 + b"\n"
CAPACITY: Final = 1 << 22
LINES: Final = CAPACITY // 128 - 1  # what it holds of them: 100 bytes take 128 with their head
PIECE: Final = 65536


def figures(run: Run) -> Iterator[Figure]:
    """Written by append and by drain, read joined and line by line. 65.5 us for 64 KiB are 1 GB/s."""
    rounds = run.rounds(15, 50)
    ring = Ring.create("bench", CAPACITY)
    yield Figure("ring: one append", "ns", timed(lambda: _append(ring), rounds, 1e9), 200)
    yield Figure("- a line drained from a pipe", "ns", timed(lambda: _drain(ring), rounds, 1e9))
    copied = timed(_copy, rounds, 1e6 * PIECE)
    joined = timed(lambda: _joined(ring), rounds, 1e6 * PIECE)
    yield Figure("ring: 64 KiB of lines, joined", "us", joined, 65.5, peer=("memcpy", copied))
    yield Figure("- as tuples", "us", timed(lambda: _tuples(ring), rounds, 1e6 * PIECE), peer=("memcpy", copied))


def timed(work: Callable[[], int], rounds: int, scale: float) -> list[float]:
    """Seconds for each unit of work, times `scale`; `work` says how many units it did."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        units = work()
        times.append((time.perf_counter() - start) / units * scale)
    return times


def _append(ring: Ring) -> int:
    add = ring.append
    for _ in range(LINES):
        add(LINE)
    return LINES


def _joined(ring: Ring) -> int:
    reader = Reader(ring.fileno())
    return sum(len(piece) for piece in iter(lambda: reader.joined(PIECE), b""))


def _tuples(ring: Ring) -> int:
    reader = Reader(ring.fileno())
    return sum(len(part) * len(LINE) for part in iter(lambda: reader.read(PIECE), []))


def _copy() -> int:
    source = memoryview(b"x" * PIECE)
    for _ in range(64):
        bytes(source)
    return 64 * PIECE


def _drain(ring: Ring) -> int:
    source, sink = os.pipe()
    for _ in range(100):
        os.write(sink, LINE * 300)
        ring.drain(source)
    os.close(source)
    os.close(sink)
    return 100 * 300
