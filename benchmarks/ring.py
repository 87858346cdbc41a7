"""The log ring beside what one would take without it: appending beside a bounded deque, reading 64 KiB of lines of 100
bytes beside a memcpy of as many bytes and beside the deque. A round measures all, one after the other."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from benchmarks.figures import Figure
from benchmarks.run import Run
from ext.ring import Reader, Ring

LINE: Final = b"x" * 99 + b"\n"
CAPACITY: Final = 1 << 22
LINES: Final = CAPACITY // 128 - 1  # what it holds of them: 100 bytes take 128 with their head
PIECE: Final = 65536
Lines = deque[tuple[int, int, bytes]]


def figures(run: Run) -> Iterator[Figure]:
    """Written by append and by drain, read joined and line by line. 65.5 us for 64 KiB are 1 GB/s."""
    ring = Ring.create("bench", CAPACITY)
    plain, lines = deque[bytes](maxlen=LINES), Lines(maxlen=LINES)
    works: dict[str, Callable[[], int]] = {
        "append": lambda: _append(ring),
        "deque": lambda: _keep(plain),
        "deque, numbered and dated": lambda: _number(lines),
        "drain": lambda: _drain(ring),
        "memcpy": _copy,
        "joined": lambda: _joined(ring),
        "deque, joined": lambda: _deque_joined(plain),
        "tuples": lambda: _tuples(ring),
        "deque, sliced": lambda: _deque_tuples(lines),
    }
    took = turns(works, run.rounds(15, 50))
    each = {what: [seconds * 1e9 for seconds in rounds] for what, rounds in took.items()}
    piece = {what: [seconds * 1e6 * PIECE for seconds in rounds] for what, rounds in took.items()}
    dated = "deque, numbered and dated"
    yield Figure("ring: one append", "ns", each["append"], 200, peer=(dated, each[dated]), others=[_of(each, "deque")])
    yield Figure("- a line drained from a pipe", "ns", each["drain"], peer=(dated, each[dated]))
    others = [_of(piece, "deque, joined")]
    yield Figure("ring: 64 KiB of lines, joined", "us", piece["joined"], 65.5, peer=_of(piece, "memcpy"), others=others)
    yield Figure("- as tuples", "us", piece["tuples"], peer=_of(piece, "deque, sliced"), others=[_of(piece, "memcpy")])


def turns(works: dict[str, Callable[[], int]], rounds: int) -> dict[str, list[float]]:
    """Seconds for each unit of work; each says how many units it did."""
    times: dict[str, list[float]] = {what: [] for what in works}
    for _ in range(rounds):
        for what, work in works.items():
            start = time.perf_counter()
            units = work()
            times[what].append((time.perf_counter() - start) / units)
    return times


def _of(times: dict[str, list[float]], what: str) -> tuple[str, list[float]]:
    return what, times[what]


def _append(ring: Ring) -> int:
    add = ring.append
    for _ in range(LINES):
        add(LINE)
    return LINES


def _keep(lines: deque[bytes]) -> int:
    add = lines.append
    for _ in range(LINES):
        add(LINE)
    return LINES


def _number(lines: Lines) -> int:
    add, now = lines.append, time.time_ns
    for number in range(LINES):
        add((number, now(), LINE))
    return LINES


def _joined(ring: Ring) -> int:
    reader = Reader(ring.fileno())
    return sum(len(piece) for piece in iter(lambda: reader.joined(PIECE), b""))


def _deque_joined(lines: deque[bytes]) -> int:
    """A follower of a deque has its place as an iterator."""
    reader = iter(lines)
    return sum(len(piece) for piece in iter(lambda: b"".join(islice(reader, PIECE // len(LINE))), b""))


def _tuples(ring: Ring) -> int:
    reader = Reader(ring.fileno())
    return sum(len(part) * len(LINE) for part in iter(lambda: reader.read(PIECE), []))


def _deque_tuples(lines: Lines) -> int:
    reader = iter(lines)
    return sum(len(part) * len(LINE) for part in iter(lambda: list(islice(reader, PIECE // len(LINE))), []))


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
