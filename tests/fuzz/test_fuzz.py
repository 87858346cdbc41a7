"""Every target on its corpus and a bounded way beyond it; then, slow, for minutes. A crash leaves its input in
_out/fuzz: it becomes a file of the corpus, and the decoder is mended."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import pytest

from tests.fuzz.engine import AT_ONCE, Outcome, build, run
from tests.fuzz.target import CORPUS, load, names
from tests.support.results import Record

SEED: Final = "-seed=20"
Runs = dict[str, Future[Outcome]]


@contextmanager
def _running(request: pytest.FixtureRequest, test: str, limits: Callable[[str], tuple[str, ...]]) -> Iterator[Runs]:
    """Runs of the targets that are asked for, two at a time while the tests wait for each in turn."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    wanted = [str(item.callspec.params["name"]) for item in items if item.originalname == test]
    build()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run, name, *limits(name)) for name in wanted}


@pytest.fixture(scope="module")
def quick(request: pytest.FixtureRequest) -> Iterator[Runs]:
    with _running(request, "test_the_corpus_and_beyond", lambda name: (SEED, f"-runs={load(name).runs}")) as runs:
        yield runs


@pytest.fixture(scope="module")
def long(request: pytest.FixtureRequest) -> Iterator[Runs]:
    with _running(request, "test_for_minutes", lambda name: (f"-max_total_time={load(name).minutes * 60}",)) as runs:
        yield runs


@pytest.mark.parametrize("name", names())
def test_the_corpus_and_beyond(name: str, quick: Runs) -> None:
    outcome = quick[name].result()
    assert not outcome.failure, outcome.failure
    assert outcome.executions >= load(name).runs


@pytest.mark.parametrize("name", names())
def test_the_corpus_is_small(name: str) -> None:
    files = list((CORPUS / name).iterdir())
    assert 3 <= len(files) <= 60
    assert max(path.stat().st_size for path in files) <= load(name).largest


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_for_minutes(name: str, long: Runs, record_result: Record) -> None:
    outcome = long[name].result()
    said = f"{outcome.executions} executions, {outcome.edges} of {outcome.of} edges"
    record_result(f"{load(name).minutes} min,", said)
    assert not outcome.failure, outcome.failure
