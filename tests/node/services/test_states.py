"""The step table: who can reach what."""

import pytest

from core.node.services.states import TABLE, State, Step, after


def test_every_state_is_reached_and_can_be_left() -> None:
    reached = {State.INITIALIZED}
    while more := {new for (old, _), new in TABLE.items() if old in reached} - reached:
        reached |= more
    assert reached == set(State)
    assert {state for state, _ in TABLE} == set(State)


def test_the_usual_life() -> None:
    state = State.INITIALIZED
    seen = []
    for step in (Step.START, Step.READY, Step.PREPARED, Step.SPAWNED, Step.LOST, Step.STOP, Step.STOPPED, Step.START):
        state = after(state, step)
        seen.append(state.value)
    assert seen == ["Waiting", "Preparing", "Starting", "Running", "Waiting", "Stopping", "Finished", "Waiting"]


@pytest.mark.parametrize("step", [Step.SPAWNED, Step.STOPPED, Step.LOST, Step.DONE])
def test_what_cannot_happen_raises(step: Step) -> None:
    with pytest.raises(KeyError):
        after(State.INITIALIZED, step)
