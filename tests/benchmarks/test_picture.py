"""The picture of the last measurements: where things stand, and that the one in the tree is of the data beside it."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import page, picture

SPACE = "{http://www.w3.org/2000/svg}"
FIGURE: dict[str, Any] = {
    "suite": "ring",
    "label": "append <one>",
    "unit": "ns",
    "values": [50.0, 100.0, 400.0],
    "n": 3,
}


def drawn(*figures: dict[str, Any]) -> ElementTree.Element:
    """The picture's tree."""
    return ElementTree.fromstring(picture.svg("now", [{**FIGURE, **figure} for figure in figures]))


def bars(tree: ElementTree.Element) -> list[ElementTree.Element]:
    """The rows' bars; the legend's are 18 wide at y 70."""
    kinds = ("good", "bad", "even")
    return [bar for bar in tree.iter(SPACE + "rect") if bar.get("class") in kinds and bar.get("y") != "70"]


@pytest.mark.parametrize(
    ("figure", "value", "said"),
    [
        ({"budget": 200.0}, 0.5, "100 ns of 200"),
        ({"peers": [{"name": "C", "median": 40.0}]}, 2.5, "2.5 x C"),
        ({"peers": [{"name": "C", "median": 80.0}], "ratio_budget": 1.25}, 1.0, "1.25 of 1.25 x C"),
        ({"budget": 50.0, "peers": [{"name": "C", "median": 10.0}]}, 2.0, "100 ns of 50"),
    ],
)
def test_a_line_is_over_what_it_is_judged_by(figure: dict[str, Any], value: float, said: str) -> None:
    line = picture.line({**FIGURE, **figure})
    assert line is not None
    assert line.value == pytest.approx(value)
    assert line.said == said
    assert line.spread == pytest.approx((value / 2, value * 4))
    assert line.judged == ("budget" in figure or "ratio_budget" in figure)


def test_what_nothing_judges_is_not_drawn() -> None:
    assert picture.line(FIGURE) is None
    assert bars(drawn({})) == []


def test_bars_lead_from_one_to_the_value() -> None:
    tree = drawn({"budget": 1000.0}, {"budget": 10.0}, {"peers": [{"name": "C", "median": 1000.0}]})
    better, worse, even = bars(tree)
    assert [bar.get("class") for bar in (better, worse, even)] == ["good", "bad", "even"]
    one = float(better.get("x", "")) + float(better.get("width", ""))
    assert one == pytest.approx(float(worse.get("x", "")), abs=0.2)
    assert float(better.get("width", "")) == pytest.approx(float(worse.get("width", "")), abs=0.2)  # a tenth, ten times
    assert all(picture.LEFT <= float(bar.get("x", "")) <= picture.RIGHT for bar in bars(tree))


def test_names_are_escaped_and_suites_head_their_lines() -> None:
    texts = [text.text for text in drawn({"budget": 1.0}, {"budget": 1.0, "suite": "boot"}).iter(SPACE + "text")]
    assert "append <one>" in texts
    assert texts.index("ring") < texts.index("append <one>") < texts.index("boot")


def test_the_picture_in_the_tree_is_of_the_data_beside_it(tmp_path: Path) -> None:
    docs = page.ROOT / "docs"
    picture.draw(docs / "bench.json", tmp_path / "bench.svg")
    assert (tmp_path / "bench.svg").read_text() == (docs / "bench.svg").read_text(), "run `make docs`"
    assert not re.search(r"<script|href", (docs / "bench.svg").read_text())
