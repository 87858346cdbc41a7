"""Durations against the spellings Go prints, sizes against their powers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.base.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("1.5h", 5400),
        ("0", 0),
        ("-10s", -10),
        ("1us", 1e-6),
        ("1µs", 1e-6),
        ("+1ns", 1e-9),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "1x", "h", "1h 30m", "--1s", "1s1", "٣s"])
def test_not_durations(text: str) -> None:
    with pytest.raises(Invalid, match="is not a duration"):
        parse_duration(text)


@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_a_duration_survives_its_spelling(microseconds: int) -> None:
    seconds = microseconds / 10**6
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-15, abs=1e-9)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (5400, "1h30m0s"), (0.5, "500ms"), (90.25, "1m30.25s"), (-1, "-1s")]
)
def test_spelling(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [("100MiB", 104857600), ("1GB", 10**9), ("4096", 4096), ("1.5 kB", 1500), ("2Gi", 2**31), ("1k", 1000)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "1XB", "-1MB", "1e3"])
def test_not_sizes(text: str) -> None:
    with pytest.raises(Invalid, match="is not a size"):
        parse_size(text)


def test_size_for_people() -> None:
    assert [format_size(n) for n in (0, 999, 1500, 50_400_000, 10**13)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "50.4 MB",
        "10 TB",
    ]


@given(st.integers(0, 1 << 60))
def test_a_size_for_people_is_short_and_about_right(size: int) -> None:
    number, unit = format_size(size).split()
    assert "e" not in number
    assert len(number.replace(".", "")) <= (3 if size < 10**15 else 7)
    assert abs(float(number) * {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit] - size) <= size / 100
