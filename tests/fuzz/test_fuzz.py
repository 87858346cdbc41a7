"""Every target on its corpus and a bounded way beyond it; then, slow, for minutes. A crash leaves its input in
_out/fuzz: it becomes a file of the corpus, and the decoder is mended."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.fuzz.engine import AT_ONCE, Outcome, build, run, run_all
from tests.fuzz.target import CORPUS, load, names
from tests.support.results import Record

SEED = "-seed=20"


@pytest.fixture(scope="module")
def quick(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Outcome]]]:
    """Runs of the targets that are asked for, two at a time while the tests wait for each in turn."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    wanted = [str(item.callspec.params["name"]) for item in items if item.originalname == "test_the_corpus_and_beyond"]
    build()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run, name, SEED, f"-runs={load(name).runs}") for name in wanted}


@pytest.mark.parametrize("name", names())
def test_the_corpus_and_beyond(name: str, quick: dict[str, Future[Outcome]]) -> None:
    outcome = quick[name].result()
    assert not outcome.failure, outcome.failure
    assert outcome.executions >= load(name).runs


@pytest.mark.parametrize("name", names())
def test_the_corpus_is_small(name: str) -> None:
    files = list((CORPUS / name).iterdir())
    assert 3 <= len(files) <= 60
    assert max(path.stat().st_size for path in files) <= load(name).largest


@pytest.mark.slow
def test_for_minutes(record_result: Record) -> None:
    plans = [(name, (f"-max_total_time={load(name).minutes * 60}",)) for name in names()]
    outcomes = list(run_all(plans))
    for outcome in outcomes:
        minutes = load(outcome.target).minutes
        said = f"{outcome.executions} executions, {outcome.edges} of {outcome.of} edges"
        record_result(outcome.target, f"{minutes} min, {said}")
    record_result("without a crash", f"{sum(not outcome.failure for outcome in outcomes)} of {len(outcomes)} targets")
    assert not [outcome.failure for outcome in outcomes if outcome.failure]
