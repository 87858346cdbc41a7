"""When daemons beat."""

from hypothesis import given
from hypothesis import strategies as st

from daemons.context import BEAT_SECONDS, to_next_beat


@given(st.floats(0, 1e8), st.floats(-1, 1))
def test_daemons_beat_at_the_same_moments_and_none_is_left_out(start: float, error: float) -> None:
    """Whenever they started, and however early or late timers ring."""
    first = start + to_next_beat(start)
    second = first + error + to_next_beat(first + error)
    assert BEAT_SECONDS / 2 <= first - start <= BEAT_SECONDS * 1.5
    assert abs(second - first - BEAT_SECONDS) < 1e-6
    assert abs(first / BEAT_SECONDS - round(first / BEAT_SECONDS)) < 1e-6
