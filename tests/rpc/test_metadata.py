"""Metadata's spellings: any value survives, what cannot travel is refused, timeouts round the way gRPC reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.rpc.metadata import Metadata, decode, encode, escape, format_timeout, parse_timeout, unescape

KEYS = st.from_regex(r"\A(?!grpc-)[0-9a-z_.][0-9a-z_.\-]{0,20}\Z").filter(
    lambda key: key not in {"te"} and not key.endswith("-bin")
)
TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)


@given(st.lists(st.tuples(KEYS, TEXT) | st.tuples(KEYS.map(lambda k: k + "-bin"), st.binary(max_size=40)), max_size=8))
def test_metadata_survives(pairs: list[tuple[str, str | bytes]]) -> None:
    assert list(decode(encode(pairs))) == pairs


def test_grpc_keeps_its_own_fields() -> None:
    own = [(b"te", b"trailers"), (b"user-agent", b"x"), (b"grpc-encoding", b"identity"), (b"grpc-tags-bin", b"??")]
    assert decode([*own, (b"node", b"a"), (b"node", b"b")]) == Metadata([("node", "a"), ("node", "b")])


def test_several_binary_values_in_one_field() -> None:
    assert decode([(b"x-bin", b"AAE=,/w")]) == Metadata([("x-bin", b"\x00\x01"), ("x-bin", b"\xff")])
    with pytest.raises(Invalid):
        decode([(b"x-bin", b"!!!")])


@pytest.mark.parametrize(
    "pair", [("Upper", "x"), ("", "x"), ("a b", "x"), ("grpc-status", "0"), ("te", "x"), ("a", "ü"), ("a", "b\r\nc: d")]
)
def test_what_cannot_travel_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(Invalid):
        encode([pair])


@given(st.text(max_size=60))
def test_messages_survive_as_printable_ascii(text: str) -> None:
    wire = escape(text)
    assert all(0x20 <= byte <= 0x7E for byte in wire)
    assert unescape(wire) == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("wire", "text"), [(b"100%", "100%"), (b"%zz%41", "%zzA"), (b"%ff", "\ufffd"), (b"\xff", "\ufffd")]
)
def test_malformed_messages_are_read_as_they_are(wire: bytes, text: str) -> None:
    assert unescape(wire) == text


@given(st.floats(1e-9, 1e9))
def test_timeouts_survive_to_eight_digits(seconds: float) -> None:
    wire = format_timeout(seconds)
    assert len(wire) <= 9
    assert parse_timeout(wire) == pytest.approx(seconds, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("wire", [b"", b"1", b"S", b"123456789S", b"1s", b"-1S", b"1.5S", b" 1S"])
def test_malformed_timeouts_are_refused(wire: bytes) -> None:
    with pytest.raises(Invalid):
        parse_timeout(wire)


def test_timeouts_are_never_zero() -> None:
    assert (format_timeout(0), format_timeout(-1), parse_timeout(b"0S")) == (b"1n", b"1n", 0)
