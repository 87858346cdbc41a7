"""The log ring: one append from Python, reading 100-byte lines in 64 KiB pieces, against memcpy of the same bytes."""

import os
import time
from collections.abc import Callable

from ext.ring import Reader, Ring

LINE = b"x" * 99 + b"\n"
CAPACITY = 1 << 22
LINES = CAPACITY // 128 - 1


def best(work: Callable[[], int], rounds: int = 15) -> float:
    """Seconds per unit of work in the fastest round."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        units = work()
        times.append((time.perf_counter() - start) / units)
    return min(times)


def main() -> None:
    """Print the table."""
    ring = Ring.create("bench", CAPACITY)

    def append() -> int:
        add = ring.append
        for _ in range(LINES):
            add(LINE)
        return LINES

    def joined() -> int:
        reader = Reader(ring.fileno())
        return sum(len(piece) for piece in iter(lambda: reader.joined(65536), b""))

    def tuples() -> int:
        reader = Reader(ring.fileno())
        return sum(len(part) * 100 for part in iter(lambda: reader.read(65536), []))

    def copy() -> int:
        source = memoryview(b"x" * 65536)
        for _ in range(64):
            bytes(source)
        return 64 * 65536

    def drain() -> int:
        source, sink = os.pipe()
        chunk = LINE * 300
        for _ in range(100):
            os.write(sink, chunk)
            ring.drain(source)
        os.close(source)
        os.close(sink)
        return 100 * 300

    appended, drained = best(append), best(drain)
    rates = {name: 1 / best(work) / 1e9 for name, work in (("joined", joined), ("read", tuples), ("memcpy", copy))}
    print(f"append            {appended * 1e9:8.0f} ns        budget 200")
    print(f"drain of a pipe   {drained * 1e9:8.0f} ns a line")
    ratio = rates["joined"] / rates["memcpy"]
    print(f"64 KiB joined     {rates['joined']:8.2f} GB/s      budget 1.0; {ratio:.2f} of memcpy")
    print(f"64 KiB of tuples  {rates['read']:8.2f} GB/s")
    print(f"memcpy            {rates['memcpy']:8.2f} GB/s")


if __name__ == "__main__":
    main()
