"""Event ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.codec.xid import Xid

xids = st.builds(Xid, st.integers(0, 2**32 - 1), st.binary(min_size=5, max_size=5), st.integers(0, 2**24 - 1))


def test_known_id() -> None:
    """The example of github.com/rs/xid: 9m4e2mr0ui3e8a215n4g."""
    xid = Xid.parse("9m4e2mr0ui3e8a215n4g")
    assert xid == Xid(0x4D88E15B, bytes.fromhex("60f486e428"), 0x412DC9)
    assert str(xid) == "9m4e2mr0ui3e8a215n4g"


@given(xids)
def test_text_and_back(xid: Xid) -> None:
    assert Xid.parse(str(xid)) == xid


@given(xids, xids)
def test_texts_are_ordered_as_ids(one: Xid, other: Xid) -> None:
    assert (one < other) is (str(one) < str(other))


@given(xids.filter(lambda x: x.seconds < 2**32 - 1), st.floats(0, 2**32 - 1))
def test_the_next_is_greater_whatever_the_clock_says(xid: Xid, now: float) -> None:
    following = xid.following(now)
    assert following > xid
    assert following.seconds >= int(now)
    assert Xid.parse(str(following)) == following


@pytest.mark.parametrize(
    "wrong",
    ["", "short", "9m4e2mr0ui3e8a215n4", "9M4E2MR0UI3E8A215N4G", "9m4e2mr0ui3e8a215n4w", "9m4e2mr0ui3e8a215n4h"],
)
def test_what_is_none(wrong: str) -> None:
    with pytest.raises(Invalid):
        Xid.parse(wrong)
