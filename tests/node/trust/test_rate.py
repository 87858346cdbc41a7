"""Eight an hour for each source, and a bounded memory of sources."""

from ipaddress import ip_address

import pytest

from core.base.errors import Exhausted
from core.node.trust.rate import Rate
from tests.support.clock import FakeClock, on_loop

ONE, OTHER = ip_address("10.0.0.1"), ip_address("10.0.0.2")


def _take(rate: Rate, text: str, times: int = 1) -> None:
    for _ in range(times):
        rate.take(ip_address(text))


@on_loop
async def test_the_ninth_within_an_hour_is_refused_and_others_are_not() -> None:
    clock = FakeClock()
    rate = Rate(clock)
    for _ in range(8):
        rate.take(ONE)
        await clock.advance(60)
    for _ in range(100):  # asking in vain counts for nothing
        with pytest.raises(Exhausted, match=r"10\.0\.0\.1 has asked 8 times"):
            rate.take(ONE)
    rate.take(OTHER)
    await clock.advance(3600 - 8 * 60)
    rate.take(ONE)  # the first is an hour old
    with pytest.raises(Exhausted):
        rate.take(ONE)
    await clock.advance(60)
    rate.take(ONE)


def test_what_is_given_back_was_never_taken() -> None:
    rate = Rate(FakeClock())
    for _ in range(100):
        rate.take(ONE)
        rate.give_back(ONE)
    assert len(rate) == 0
    rate.give_back(ONE)
    _take(rate, str(ONE), 8)
    with pytest.raises(Exhausted):
        rate.take(ONE)


def test_a_whole_64_is_one_source() -> None:
    rate = Rate(FakeClock())
    _take(rate, "fd00::1", 4)
    _take(rate, "fd00::ffff:1", 4)
    with pytest.raises(Exhausted):
        _take(rate, "fd00:0:0:0:1::1")
    _take(rate, "fd00:0:0:1::1")


@on_loop
async def test_a_full_table_refuses_strangers_until_one_can_be_forgotten() -> None:
    clock = FakeClock()
    rate = Rate(clock, sources=3)
    for last in (1, 2, 3):
        _take(rate, f"10.0.0.{last}")
        await clock.advance(1)
    with pytest.raises(Exhausted, match="3 others"):
        _take(rate, "10.0.0.4")
    _take(rate, "10.0.0.3")  # who is known is served
    assert len(rate) == 3
    await clock.advance(3599)
    _take(rate, "10.0.0.4")
    assert len(rate) == 2
