"""`--results PATH`: a page with one line for each test that ran, its outcome, its duration and what it recorded by
`record_result(name, value)`. A run of some tests leaves the lines of the others, each with the commit it was seen at.
Loaded by tests/conftest.py for every run; without the option it only takes records."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from benchmarks import page

Record = Callable[[str, object], None]
HEADING: Final = "Slow tests"
COLUMNS: Final = ("test", "outcome", "took", "commit", "measured")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--results", metavar="PATH", help="write outcomes, durations and recorded values to this page")


def pytest_configure(config: pytest.Config) -> None:
    if (path := config.getoption("results")) is not None:
        config.pluginmanager.register(Results(Path(path)), "results")


@pytest.fixture
def record_result(request: pytest.FixtureRequest) -> Record:
    """Call it with a name and a value (with its unit) that belongs on the results page."""

    def record(name: str, value: object) -> None:
        request.node.user_properties.append((name, value))

    return record


class Results:
    """Gathers reports; writes the page once, at the end. A test that only fails in its teardown has failed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcomes: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        self._values: dict[str, list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.removeprefix("tests/")
        self._seconds[test] = self._seconds.get(test, 0.0) + report.duration
        if report.when == "call" or not report.passed:
            self._outcomes[test] = report.outcome
            self._values[test] = [f"{name} {value}" for name, value in report.user_properties]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        commit, root = page.commit(), session.config.rootpath
        made = {
            t: (t, o, f"{self._seconds[t]:.1f} s", commit, "; ".join(self._values[t]))
            for t, o in self._outcomes.items()
        }
        there = {row[0]: row for row in page.rows(self._path, HEADING) if _exists(root, row[0])}
        page.replace(self._path, HEADING, page.table(COLUMNS, [row for _, row in sorted({**there, **made}.items())]))


def _exists(root: Path, test: str) -> bool:
    """Whether the file of a test is still there."""
    file = test.partition("::")[0]
    return (root / "tests" / file).exists() or (root / file).exists()
