"""Two trees beside each other: the arithmetic of their rounds, and the other tree itself."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import base, compare, page


def run(**medians: float) -> Mapping[str, Mapping[str, Any]]:
    """A round's figures in one tree, each with a peer that takes 10."""
    return {
        name: {"unit": "ms", "median": value, "peer": {"name": "C", "values": [9.0, 10.0, 99.0]}}
        for name, value in medians.items()
    }


def test_ratios_are_of_each_rounds_own_pair() -> None:
    # the machine slows down by tens: medians of all rounds would say nothing, the pairs say 0.9
    (pair,), lone = compare.pairs([(run(a=10.0), run(a=9.0)), (run(a=100.0), run(a=90.0)), (run(a=1.0), run(a=0.9))])
    assert lone == []
    assert pair.ratios == pytest.approx([0.9, 0.9, 0.9])
    assert pair.verdict == "less"
    assert dict(zip(compare.HEADINGS, pair.row(), strict=True)) == {
        "figure": "a",
        "base": "10 ms",
        "now": "9 ms",
        "ratio": "0.9",
        "its spread": "0.9 .. 0.9",
        "n": "3",
        "verdict": "less",
        "peer's ratio": "1",
    }


@pytest.mark.parametrize(
    ("now", "verdict"),
    [((2.0, 2.0, 1.1), "more"), ((2.0, 2.0, 0.9), ""), ((1.0, 0.5, 0.5), ""), ((0.5, 0.5), "")],
    ids=["all more", "one less", "one equal", "too few"],
)
def test_a_verdict_needs_all_rounds(now: tuple[float, ...], verdict: str) -> None:
    (pair,), _ = compare.pairs([(run(a=1.0), run(a=value)) for value in now])
    assert pair.verdict == verdict


def test_what_one_tree_lacks_is_said_and_not_compared() -> None:
    found, lone = compare.pairs([(run(a=1.0, old=1.0), run(new=1.0, a=1.0)), (run(a=1.0), run(a=1.0, new=1.0))])
    assert [pair.label for pair in found] == ["a"]
    assert sorted(lone) == ["new", "old"]


def test_nothing_over_nothing_is_no_ratio() -> None:
    (pair,), _ = compare.pairs([(run(a=0.0), run(a=0.0))])
    assert pair.row()[3:6] == ("", "", "0")


def test_the_base_is_that_commits_tree_measured_with_this_ones_benchmarks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=x", "-c", "user.email=x@localhost")
        subprocess.run(["git", *who, *arguments], cwd=here, check=True, stdout=subprocess.DEVNULL)

    here = tmp_path / "here"
    for part in base.INSTRUMENT:
        (here / part).mkdir(parents=True)
        (here / part / "what.py").write_text("old\n")
    (here / "Makefile").write_text("build:\n\t@echo $(PY) > built\nimage:\n\t@echo image > built\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    (here / "benchmarks" / "what.py").write_text("new\n")
    (here / "Makefile").write_text("broken")
    git("commit", "-q", "-a", "-m", "second")
    monkeypatch.setattr(page, "ROOT", here)
    monkeypatch.setenv("ICHOR_CACHE", str(tmp_path / "cache"))
    said: list[str] = []
    tree = base.prepare("HEAD~1", said.append, image=False)
    assert (tree / "benchmarks" / "what.py").read_text() == "new\n"
    assert (tree / "tests" / "support" / "what.py").read_text() == "old\n"
    assert "python" in (tree / "built").read_text()
    assert base.prepare("HEAD~1", said.append, image=True) == tree  # and is not cloned again
    assert (tree / "built").read_text() == "image\n"
    assert sum("clone" in line for line in said) == 1
    with pytest.raises(subprocess.CalledProcessError):
        base.prepare("nowhere", said.append, image=False)
