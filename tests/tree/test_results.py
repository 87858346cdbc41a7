"""The results page: what a run writes of its own, and what it leaves of others."""

from pathlib import Path

import pytest

from benchmarks import page

pytest_plugins = ("pytester",)
SUITE = """
import pytest
pytest_plugins = ("tests.support.results",)

def test_good(record_result):
    record_result("recovery", "12 ms")

def test_bad():
    assert False

@pytest.fixture
def broken():
    yield
    raise OSError("gone")

def test_broken_at_the_end(broken): ...
def test_skipped(): pytest.skip("not here")
"""


def test_a_run_writes_a_line_for_each_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(page.ROOT))
    pytester.makeconftest(SUITE.splitlines()[2])
    pytester.makepyfile(test_it=SUITE.replace(SUITE.splitlines()[2], ""))
    pytester.runpytest_subprocess("--results=page.md", "-p", "no:cacheprovider")
    pytester.runpytest_subprocess("--results=page.md", "-p", "no:cacheprovider", "-k", "good")  # the others' lines stay
    lines = (pytester.path / "page.md").read_text().splitlines()
    rows = {cells[0].rpartition("::")[2]: [cells[1], cells[4]] for cells in map(_cells, lines) if "::" in cells[0]}
    assert rows == {
        "test_good": ["passed", "recovery 12 ms"],
        "test_bad": ["failed", ""],
        "test_broken_at_the_end": ["failed", ""],
        "test_skipped": ["skipped", ""],
    }


def test_each_source_replaces_its_own_section(tmp_path: Path) -> None:
    path = tmp_path / "results.md"
    page.replace(path, "One", "first")
    page.replace(path, "Two", "second")
    page.replace(path, "One", "third", ["and a remark"])
    text = path.read_text()
    assert [line for line in text.splitlines() if line.startswith("#")] == ["# Results", "## One", "## Two"]
    assert "first" not in text and "third\n\nand a remark\n" in text and text.endswith("second\n")
    assert text.count("commit ") == 2


def test_columns_line_up() -> None:
    lines = page.table(("what", "value"), [("a", "1"), ("longer", "200 ms")]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1] == "| ------ | -----: |"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
