"""Figures: their line of the table, the names by which they stand alone, and what is kept of them."""

import json
from pathlib import Path

import pytest

from benchmarks import kept
from benchmarks.figures import HEADINGS, Figure, labels, row, table


def cells(figure: Figure) -> dict[str, str]:
    """Its line by headings."""
    return dict(zip(HEADINGS, row(figure.summary(figure.name)), strict=True))


def test_a_line_says_median_spread_and_whether_the_budget_is_met() -> None:
    line = cells(Figure("boot", "s", [0.52, 0.4, 0.44], 0.5, 0.4))
    assert line["median"] == "0.44 s"
    assert line["spread"] == "0.4 .. 0.52"
    assert (line["n"], line["budget"], line["then"], line["ratio"]) == ("3", "0.5 ok", "0.4", "")
    assert cells(Figure("boot", "s", [0.6], 0.5))["budget"] == "0.5 MISSED"
    assert cells(Figure("boot", "s", [0.6]))["spread"] == ""  # one round has none


@pytest.mark.parametrize(("budget", "said"), [(None, "2"), (2.0, "2 of 2 ok"), (1.3, "2 of 1.3 MISSED")])
def test_a_ratio_is_of_medians(budget: float | None, said: str) -> None:
    figure = Figure("dump", "ms", [3.0, 4.0, 90.0], peer=("C", [1.0, 2.0, 50.0]), ratio_budget=budget)
    assert figure.ratio == 2.0
    assert cells(figure)["ratio"] == said


def test_every_peer_is_named_in_the_line() -> None:
    figure = Figure("call", "us", [200.0], peer=("a", [250.0]), others=[("b", [1234.0, 1236.0]), ("c", [0.0123])])
    assert cells(figure)["peer"] == "a 250, b 1235, c 0.0123"


def test_labels_stand_alone_and_differ() -> None:
    lines = [
        Figure("dump", "ms", [1.0]),
        Figure("- against", "ms", [1.0], peer=("pyroute2", [2.0])),
        Figure("- wall", "ms", [1.0]),
        Figure("- wall", "ms", [1.0]),
        Figure("storm", "ms", [1.0]),
        Figure("- wall", "ms", [1.0]),
    ]
    assert labels(lines) == [
        "dump",
        "dump: against pyroute2",
        "dump: wall",
        "dump: wall (2)",
        "storm",
        "storm: wall",
    ]


def test_what_is_kept_is_small_and_leaves_out_what_is_absent() -> None:
    kept = Figure("append", "ns", [81.23456, 79.0, 250.0], 200.0, peer=("deque", [30.0, 20.0])).summary("ring: append")
    assert json.loads(json.dumps(kept)) == {
        "name": "append",
        "label": "ring: append",
        "unit": "ns",
        "values": [79.0, 81.23, 250.0],
        "n": 3,
        "budget": 200.0,
        "peers": [{"name": "deque", "median": 25.0}],
    }


def test_the_table_is_markdown() -> None:
    lines = table([Figure("a", "s", [1.0]).summary("a")]).splitlines()
    assert [line.count("|") for line in lines] == [len(HEADINGS) + 1] * 3


def test_a_run_of_some_suites_leaves_the_lines_of_the_others(tmp_path: Path) -> None:
    order = ("boot", "ring", "rpc")
    kept.save({"ring": [Figure("append", "ns", [70.0])], "boot": [Figure("boot", "s", [0.5])]}, order, tmp_path)
    kept.save({"rpc": [Figure("call", "us", [9.0])], "ring": [Figure("append", "ns", [60.0])]}, order, tmp_path)
    lines = json.loads((tmp_path / "bench.json").read_text())["figures"]
    assert [(line["suite"], line["values"][1]) for line in lines] == [("boot", 0.5), ("ring", 60.0), ("rpc", 9.0)]
    assert all(line["commit"] for line in lines)
    page = (tmp_path / "results.md").read_text()
    assert page.index("| boot") < page.index("60 ns") < page.index("| call")
    assert "70 ns" not in page
    kept.save({}, order[1:], tmp_path)  # a suite that is no more
    assert "| boot" not in (tmp_path / "results.md").read_text()
