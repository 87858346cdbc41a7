"""When those wake who wake every so often."""

from hypothesis import given
from hypothesis import strategies as st

from core.base.clock import to_next_beat


@given(st.floats(0, 1e8), st.floats(-1, 1), st.sampled_from([5.0, 15.0]))
def test_all_beat_at_the_same_moments_and_no_beat_is_left_out(start: float, error: float, every: float) -> None:
    """Whenever they started, and however early or late timers ring."""
    first = start + to_next_beat(start, every)
    second = first + error + to_next_beat(first + error, every)
    assert every / 2 <= first - start <= every * 1.5
    assert abs(second - first - every) < 1e-6
    assert abs(first / every - round(first / every)) < 1e-6
