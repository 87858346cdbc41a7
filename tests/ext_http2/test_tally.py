"""Counting calls: in which bucket one is, and which names have a row."""

from typing import Final

from ext.http2.session import Stream
from ext.http2.tally import BOUNDS, OTHER, Tally
from tests.ext_http2.pair import Pair

NAMES: Final = 512


class Calls:
    """Streams of a server, by path."""

    def __init__(self) -> None:
        self.pair = Pair(streams=1000)

    def __call__(self, path: bytes) -> Stream:
        self.pair.seen.clear()
        self.pair.request(path)
        self.pair.settle()
        return self.pair.seen[0]


def told(tally: Tally) -> dict[tuple[bytes, int], int]:
    return {(method, code): sum(counts) for method, code, counts, _ in tally.rows()}


def test_each_method_and_code_has_a_row() -> None:
    call, tally = Calls(), Tally([b"/s/A", b"/s/B"])
    for path, code in ((b"/s/A", 0), (b"/s/A", 0), (b"/s/A", 5), (b"/s/B", 14)):
        tally.ended(call(path), code)
    assert told(tally) == {(b"/s/A", 0): 2, (b"/s/A", 5): 1, (b"/s/B", 14): 1}
    assert [row[:2] for row in tally.rows()] == sorted(row[:2] for row in tally.rows())
    assert all(len(counts) == len(BOUNDS) + 1 and seconds > 0 for _, _, counts, seconds in tally.rows())
    call.pair.close()


def test_a_call_is_in_the_bucket_of_its_time() -> None:
    call, tally = Calls(), Tally([])
    tally.ended(call(b"/s/A"), 0)
    ((_, _, counts, seconds),) = tally.rows()
    index = counts.index(1)
    assert (0.0, *BOUNDS)[index] <= seconds <= (*BOUNDS, float("inf"))[index]
    call.pair.close()


def test_what_callers_make_up_has_no_row() -> None:
    call, tally = Calls(), Tally([b"/s/A"])
    for number in range(20):
        tally.ended(call(b"/made/up%d" % number), 12)
    assert told(tally) == {(OTHER, 12): 20}
    tally.ended(call(b"/t/B"), 0)  # which another node has: it succeeded, so it exists
    tally.ended(call(b"/t/B"), 12)
    assert told(tally) == {(OTHER, 12): 20, (b"/t/B", 0): 1, (b"/t/B", 12): 1}
    call.pair.close()


def test_there_is_an_end_to_names() -> None:
    call, tally = Calls(), Tally([])
    for number in range(NAMES + 10):
        tally.ended(call(b"/s/%d" % number), 0)
    assert len(told(tally)) == NAMES + 1
    assert told(tally)[OTHER, 0] == 10
    call.pair.close()
