"""When daemons beat."""

from hypothesis import given
from hypothesis import strategies as st

from daemons.context import to_next_beat
from daemons.spawner.table import DAEMONS


@given(st.floats(0, 1e8), st.floats(-1, 1), st.sampled_from([daemon.beat for daemon in DAEMONS]))
def test_daemons_beat_at_the_same_moments_and_none_is_left_out(start: float, error: float, every: float) -> None:
    """Whenever they started, and however early or late timers ring."""
    first = start + to_next_beat(start, every)
    second = first + error + to_next_beat(first + error, every)
    assert every / 2 <= first - start <= every * 1.5
    assert abs(second - first - every) < 1e-6
    assert abs(first / every - round(first / every)) < 1e-6


def test_the_slower_beat_is_at_a_moment_of_the_quicker() -> None:
    """Then the spawner wakes for both at once."""
    quickest = min(daemon.beat for daemon in DAEMONS)
    assert all(daemon.beat % quickest == 0 for daemon in DAEMONS)
