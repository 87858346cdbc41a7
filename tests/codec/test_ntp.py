"""SNTP packets: what a server says is measured, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Denied, Invalid
from core.codec import ntp
from tests.support.timeserver import answer, stamp

NONCE = b"12345678"
NOW = 1_800_000_000.0


@given(st.floats(-3e9, 9e9), st.floats(-1e9, 1e9))
def test_a_timestamp_comes_back_in_the_era_nearest(moment: float, off: float) -> None:
    assert ntp.seconds(stamp(moment), near=moment + off) == pytest.approx(moment, abs=1e-5)


@given(st.binary(max_size=100))
def test_random_bytes_are_refused_or_measured(data: bytes) -> None:
    for raw in (data, b"\x24\x01" + data[2:24].ljust(22, b"\0") + NONCE + data[32:]):
        try:
            ntp.sample(raw, NONCE, NOW, NOW)
        except (Invalid, Denied):
            continue


@given(st.floats(-1e6, 1e6), st.floats(0, 5), st.floats(0, 5), st.floats(0, 1))
def test_offset_and_delay(offset: float, there: float, back: float, work: float) -> None:
    """The server's clock is `offset` ahead; the way there and back takes its time; the error is half their
    difference."""
    received = NOW + there + offset
    reply = answer(ntp.request(NONCE), received, received + work)
    sample = ntp.sample(reply, NONCE, NOW, NOW + there + work + back)
    assert sample.offset == pytest.approx(offset + (there - back) / 2, abs=1e-5)
    assert sample.delay == pytest.approx(there + back, abs=1e-5)


def test_a_question_does_not_tell_our_time() -> None:
    question = ntp.request(NONCE)
    assert (len(question), question[0], question[1:40]) == (48, 0x23, bytes(39))
    assert question[40:] == NONCE


def changed(at: int, value: int) -> bytes:
    raw = bytearray(answer(ntp.request(NONCE), NOW, NOW))
    raw[at] = value
    return bytes(raw)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (changed(0, 0x23), "not an NTP server"),
        (changed(0, 0x0C), "not an NTP server"),
        (changed(0, 0xE4), "does not know"),
        (changed(1, 16), "does not know"),
        (changed(5, 200), "does not know"),
        (changed(24, 0), "not asked"),
        (changed(0, 0x24)[:40] + bytes(8), "without a time"),
        (b"", "less than 48"),
    ],
)
def test_answers_that_are_none(raw: bytes, error: str) -> None:
    with pytest.raises(Invalid, match=error):
        ntp.sample(raw, NONCE, NOW, NOW)


def test_a_kiss_of_death_is_obeyed() -> None:
    raw = bytearray(changed(1, 0))
    raw[12:16] = b"RATE"
    with pytest.raises(Denied, match="RATE"):
        ntp.sample(bytes(raw), NONCE, NOW, NOW)


def test_a_nonce_has_eight_bytes() -> None:
    with pytest.raises(ValueError, match="eight"):
        ntp.request(b"short")
