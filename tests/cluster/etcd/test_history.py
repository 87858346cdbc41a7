"""The checker of histories, against all orders tried one by one."""

from collections.abc import Sequence
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.history import Op, lost, violation


def by_trying(ops: Sequence[Op]) -> bool:
    """Whether some order of those that were done fits time and register; each that has no end was done or not."""
    done = [each for each in ops if each.ended is not None]
    perhaps = [each for each in ops if each.ended is None and each.wrote]
    for chosen in product((False, True), repeat=len(perhaps)):
        tried = done + [each for each, taken in zip(perhaps, chosen, strict=True) if taken]
        if any(_fits(order) for order in permutations(tried)):
            return True
    return False


def _fits(order: Sequence[Op]) -> bool:
    value = None
    for number, each in enumerate(order):
        if any(later.ended is not None and later.ended < each.began for later in order[number + 1 :]):
            return False
        if each.wrote:
            value = each.value
        elif each.value != value:
            return False
    return True


@st.composite
def histories(draw: st.DrawFn) -> list[Op]:
    writes = draw(st.integers(0, 3))
    ops = []
    for number in range(writes + draw(st.integers(0, 3))):
        began, length = draw(st.integers(0, 9)), draw(st.integers(0, 5))
        ended = None if draw(st.integers(0, 4)) == 0 else began + length
        value = number if number < writes else draw(st.integers(-1, writes))
        ops.append(Op(number < writes, b"%d" % value if value >= 0 else None, began, ended))
    return ops


@given(histories())
@settings(max_examples=250, deadline=None)
def test_it_says_what_trying_all_orders_says(ops: list[Op]) -> None:
    assert (violation(ops) == "") == by_trying(ops), violation(ops)


def test_it_says_why() -> None:
    def put(value: bytes, began: int, ended: int | None) -> Op:
        return Op(True, value, began, ended)

    def got(value: bytes | None, began: int, ended: int) -> Op:
        return Op(False, value, began, ended)

    assert "nobody wrote it" in violation([got(b"a", 0, 1)])
    assert "before it was written" in violation([got(b"a", 0, 1), put(b"a", 2, 3)])
    stale = [put(b"a", 0, 1), put(b"b", 2, 3), got(b"a", 4, 5)]
    assert violation(stale) == "b'b' came and went while b'a' was there"
    turns = [put(b"a", 0, 9), put(b"b", 0, 9), got(b"a", 1, 2), got(b"b", 3, 4), got(b"a", 5, 6), got(b"b", 7, 8)]
    assert violation(turns) == "b'a' and b'b' each were there before the other was gone"
    assert violation([put(b"a", 0, 1), got(None, 2, 3)]) == "b'a' came and went while None was there"
    assert violation([put(b"a", 0, None), got(None, 2, 3), got(b"a", 4, 5)]) == ""
    with pytest.raises(ValueError, match="written twice"):
        violation([put(b"a", 0, 1), put(b"a", 2, 3)])
    assert lost([b"a", b"b"], [b"b", b"c"]) == {b"a"}
