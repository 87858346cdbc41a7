"""Restart delays as docs/architecture.md promises them."""

from core.base.backoff import Backoff


def test_first_at_once_then_doubling_to_the_cap() -> None:
    backoff = Backoff(first_free=True)
    assert [round(backoff.failed(), 3) for _ in range(8)] == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]


def test_forgotten_after_enough_time_up() -> None:
    backoff = Backoff()
    backoff.failed()
    backoff.failed()
    assert backoff.failed(ran_for=30.0) == 0.1
