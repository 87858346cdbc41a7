"""The parser against bytes that no kernel would send: it refuses or reads them, and never past their end."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.linux.rtattr import attr, nest, text, u32
from ext.netlink.socket import parse
from ext.netlink.types import Link, Route

TYPES = st.sampled_from([16, 17, 20, 21, 24, 25, 28, 29, 32, 33, 1, 99])
HEADS = {16: 16, 20: 8, 24: 12, 28: 12, 32: 12}


@given(TYPES, st.binary(max_size=300))
def test_random_bytes_never_crash(message: int, body: bytes) -> None:
    try:
        parse(message, body)
    except OSError as refused:
        assert "Bad message" in str(refused)


@given(st.sampled_from(sorted(HEADS)), st.lists(st.tuples(st.integers(0, 70), st.binary(max_size=60)), max_size=12))
def test_any_attributes_are_read(message: int, attributes: list[tuple[int, bytes]]) -> None:
    try:
        parse(message, bytes(HEADS[message]) + b"".join(attr(kind, data) for kind, data in attributes))
    except OSError as refused:
        assert "Bad message" in str(refused)


@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=15), st.text(max_size=80))
def test_text_of_any_length_comes_back(name: str, alias: str) -> None:
    alias = alias.replace("\0", "")
    body = struct.pack("=BxHiII", 0, 1, 7, 1, 0) + text(3, name) + text(20, alias) + nest(52, text(53, "x" * 100))
    found = parse(16, body)
    assert isinstance(found, Link)
    assert (found.name, found.alias, found.names) == (name, alias, ("x" * 100,))


def test_empty_text_is_no_text() -> None:
    found = parse(16, bytes(16) + attr(20, b"") + attr(56, b"\0"))
    assert isinstance(found, Link)
    assert (found.alias, found.device, found.names) == ("", "", ())


@given(st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255), st.binary(min_size=4, max_size=4)), max_size=40))
def test_every_way_of_a_multipath_route_comes_back(hops: list[tuple[int, int, bytes]]) -> None:
    ways = b"".join(struct.pack("=HBBi", 16, 0, w, i if i < 2**31 else 0) + attr(5, g) for i, w, g in hops)
    found = parse(24, bytes(12) + attr(9, ways) + u32(15, 5000))
    assert isinstance(found, Route)
    assert [(h.weight, h.gateway) for h in found.hops] == [(w + 1, g) for _, w, g in hops]
    assert found.table == 5000


@pytest.mark.parametrize("length", [0, 3, 5000])
def test_a_length_that_lies_is_refused(length: int) -> None:
    with pytest.raises(OSError, match="Bad message"):
        parse(16, bytes(16) + struct.pack("=HH", length, 3) + b"eth0")
