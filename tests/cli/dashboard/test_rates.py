"""Counters made into rates, beats, and columns of characters made of numbers: what holds for any of them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from pytest import approx
from rich.cells import cell_len

from core.cli.dashboard.model.rates import KEPT, Meter, Series, total
from core.cli.dashboard.sources.source import next_beat
from core.cli.dashboard.views.bars import ceiling, gauge, graph
from core.cli.dashboard.views.words import folded, span

counts = st.integers(0, 1 << 62)
shares = st.none() | st.floats(0, 1)


@given(st.lists(st.tuples(st.floats(0.1, 1e3), st.integers(0, 1 << 40)), min_size=2))
def test_rates_add_up_to_what_was_counted(steps: list[tuple[float, int]]) -> None:
    meter, at, value, counted = Meter(), 0.0, 0, 0.0
    meter.take(at, value)
    for seconds, more in steps:
        before, at, value = at, at + seconds, value + more
        rate = meter.take(at, value)
        assert rate is not None
        counted += rate * (at - before)
    assert counted == approx(value, rel=1e-6, abs=1e-3)


@given(counts, counts)
def test_a_counter_that_began_anew_has_no_rate_until_the_next_sample(first: int, second: int) -> None:
    meter = Meter()
    assert meter.take(0.0, max(first, second) + 1) is None
    assert meter.take(1.0, min(first, second)) is None
    assert meter.take(2.0, min(first, second)) == 0
    assert meter.take(2.0, max(first, second)) is None  # no time has passed


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.1, 60))
def test_the_next_beat_is_the_first_to_come(origin: float, later: float, interval: float) -> None:
    now = origin + later
    beat = next_beat(origin, now, interval)
    assert now < beat <= now + interval * 1.001 + 1e-5
    assert (beat - origin) / interval == approx(round((beat - origin) / interval), abs=1e-3)
    assert next_beat(origin, beat, interval) == approx(beat + interval)


def test_a_series_keeps_the_latest() -> None:
    series = Series()
    assert series.now is None
    for value in range(KEPT + 10):
        series.take(value)
    assert list(series.last(3)) == [KEPT + 7, KEPT + 8, KEPT + 9]
    assert len(series.last(10 * KEPT)) == KEPT
    assert (total([None, 1.0, 2.0]), total([None])) == (3.0, None)


@given(st.lists(shares, max_size=40), st.integers(1, 30), st.integers(1, 6))
def test_a_graph_has_its_size_and_its_gaps(values: list[float | None], width: int, height: int) -> None:
    lines = graph(values, width, height, 1.0)
    assert [len(line) for line in lines] == [width] * height
    for value, column in zip(reversed(values[-width:]), range(width - 1, -1, -1), strict=False):
        cells = [line[column] for line in lines]
        assert (cells[-1] == " ") == (value is None)
        levels = [" ▁▂▃▄▅▆▇█".index(cell) for cell in cells]
        assert sum(levels) == (0 if value is None else max(1, round(value * height * 8)))
        assert all(lower == 8 or upper == 0 for upper, lower in pairwise(levels))


@given(st.floats(-1, 2), st.integers(1, 50))
def test_a_gauge_has_its_width(share: float, width: int) -> None:
    assert len(gauge(share, width)) == width
    assert gauge(1.0, width) == "█" * width
    assert not gauge(0.0, width).strip()


@given(st.lists(st.none() | st.floats(0, 1e15), max_size=20))
def test_the_top_of_a_graph_is_round_and_over_all(values: list[float | None]) -> None:
    top = ceiling(values, 1000.0)
    assert top >= max((value for value in values if value is not None), default=0)
    assert f"{top:e}"[0] in "125" and f"{top:e}"[2:8] == "000000"


@given(st.text(st.characters(blacklist_categories=["Cc", "Cs", "Mn", "Me", "Cf"])), st.integers(2, 40))
def test_folding_loses_nothing(text: str, width: int) -> None:
    lines = folded(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_lines_are_folded_between_words() -> None:
    assert folded("Process started with PID 11", 20) == ["Process started with", "PID 11"]
    assert folded("Process started with PID 11", 19) == ["Process started", "with PID 11"]
    assert folded("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]
    assert folded("", 10) == [""]


def test_spans_have_two_units() -> None:
    assert [span(s) for s in (None, -3, 7, 61, 3600, 93784)] == ["–", "0s", "7s", "1m 1s", "1h 0m", "1d 2h"]
