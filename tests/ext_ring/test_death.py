"""A writer killed anywhere, thousands of times: readers see whole records in order, the next one goes on."""

import os
import signal
from collections.abc import Callable

import pytest

from ext.ring import Reader, Ring


def _in_child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(1)
    return pid


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _check(reader: Reader) -> None:
    expected = reader.sequence
    for sequence, _, record in reader.read(1 << 20):
        expected = max(expected, sequence)
        assert sequence == expected
        number, _, rest = record.partition(b" ")
        assert int(number) == sequence
        assert rest == number * (sequence % 40)
        expected += 1


@pytest.mark.parametrize("kills", [150, pytest.param(2000, marks=pytest.mark.slow)])
def test_kill_while_appending(kills: int) -> None:
    ring = Ring.create("victim", 8192)
    reader = Reader(ring.fileno())

    def write() -> None:
        mine = Ring.attach(ring.fileno())
        while True:
            number = b"%d" % mine.next
            mine.append(number + b" " + number * (mine.next % 40))

    for _ in range(kills):
        before = ring.next
        pid = _in_child(write)
        while ring.next < before + 300:
            assert os.waitpid(pid, os.WNOHANG) == (0, 0), "the writer could not go on"
            _check(reader)
        _kill(pid)
        _check(reader)
    assert reader.sequence == ring.next
    seen = ring.next - reader.lost
    assert 0 < seen <= ring.next


@pytest.mark.parametrize("kills", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_kill_while_draining_loses_no_byte_and_repeats_none(kills: int) -> None:
    ring = Ring.create("drained", 1 << 20)
    reader = Reader(ring.fileno())
    source, sink = os.pipe()

    def write() -> None:
        number = 0
        while True:
            os.write(sink, b"%d %s\n" % (number, b"x" * (number % 90)))
            number += 1

    def drain() -> None:
        mine = Ring.attach(ring.fileno())
        enough = mine.next + 5000  # the ring holds 14 000: whoever reads too late misses none
        while mine.next < enough:
            mine.drain(source)
        signal.pause()

    producer = _in_child(write)
    expected = 0
    try:
        for _ in range(kills):
            before = ring.next
            pid = _in_child(drain)
            while ring.next < before + 50:
                assert os.waitpid(pid, os.WNOHANG) == (0, 0), "the writer could not go on"
                os.sched_yield()
            _kill(pid)
            for _, _, record in reader.read(1 << 30):
                assert record == b"%d %s\n" % (expected, b"x" * (expected % 90))
                expected += 1
    finally:
        _kill(producer)
        os.close(source)
        os.close(sink)
    assert reader.lost == 0
    assert expected == ring.next
