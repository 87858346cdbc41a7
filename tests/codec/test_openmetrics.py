"""OpenMetrics text as Prometheus's own parser reads it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.codec.openmetrics import Family, render
from tests.support.exposition import parsed, read

VALUES = st.integers(0, 2**63) | st.floats(0, 1e300)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


# of blanks at the ends of a meaning that parser makes nothing
@given(
    st.dictionaries(TEXTS, VALUES, min_size=1, max_size=5),
    TEXTS.map(str.strip),
    st.sampled_from(["counter", "gauge"]),
)
def test_any_label_and_number_come_back(values: dict[str, float], meaning: str, kind: str) -> None:
    family = Family("some_seconds", kind, meaning)
    for text, value in values.items():
        family.add(value, label=text, other="x")
    name = "some_seconds_total" if kind == "counter" else "some_seconds"
    assert read(family) == {name: {(text, "x"): float(value) for text, value in values.items()}}
    (told,) = parsed(render([family]).decode())
    assert (told.documentation, told.type, told.unit) == (meaning, kind, "seconds")


@given(st.lists(st.integers(0, 1000), min_size=4, max_size=4), st.floats(0, 1e6))
def test_histograms_and_summaries(counts: list[int], total: float) -> None:
    found = read(
        Family("h", "histogram", "").add_counts((0.5, 1, 2), counts, total, a="b"),
        Family("s", "summary", "").add_sum(7, total, a="b"),
    )
    sums = [sum(counts[: end + 1]) for end in range(4)]
    assert found["h_bucket"] == dict(zip((("b", "0.5"), ("b", "1.0"), ("b", "2.0"), ("b", "+Inf")), sums, strict=True))
    assert (found["h_count"], found["h_sum"]) == ({("b",): sums[-1]}, {("b",): total})
    assert (found["s_count"], found["s_sum"]) == ({("b",): 7}, {("b",): total})


def test_families_of_one_name_are_one_and_empty_ones_are_not_there() -> None:
    one, other = Family("a", "gauge", "A.").add(1, of="x"), Family("a", "gauge", "A.").add(2, of="y")
    text = render([one, Family("b", "info", "B.").add(1, version="v1"), Family("c", "counter", "C."), other])
    assert text.decode().splitlines() == [
        "# TYPE a gauge",
        "# HELP a A.",
        'a{of="x"} 1',
        'a{of="y"} 2',
        "# TYPE b info",
        "# HELP b B.",
        'b_info{version="v1"} 1',
        "# EOF",
    ]
    assert render([]) == b"# EOF\n"


def test_what_is_no_number() -> None:
    found = read(*(Family(name, "gauge", "").add(value) for name, value in (("a", math.inf), ("b", -math.inf))))
    assert found == {"a": {(): math.inf}, "b": {(): -math.inf}}
    assert render([Family("n", "gauge", "").add(math.nan)]).splitlines()[2] == b"n NaN"


@pytest.mark.parametrize(("name", "kind"), [("1a", "gauge"), ("a-b", "gauge"), ("a_total", "counter"), ("a", "number")])
def test_what_the_format_does_not_allow(name: str, kind: str) -> None:
    with pytest.raises(Invalid, match="cannot be the name"):
        Family(name, kind, "")
