"""`--results PATH`: a page with one line for each test that ran, its outcome, its duration and what it recorded by
`record_result(name, value)`. Loaded by tests/conftest.py for every run; without the option it only takes records."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import page

Record = Callable[[str, object], None]


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

    def pytest_sessionfinish(self) -> None:
        rows = [(t, o, f"{self._seconds[t]:.1f} s", "; ".join(self._values[t])) for t, o in self._outcomes.items()]
        page.replace(self._path, "Slow tests", page.table(("test", "outcome", "took", "measured"), rows))
