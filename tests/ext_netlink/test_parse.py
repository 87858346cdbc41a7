"""The parser against its obvious twin: on what a kernel sends, and on bytes that no kernel would send."""

import socket as sockets
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.linux.rtattr import attr, nest, text, u32
from ext.netlink.socket import answer_in, changes_in, parse, socket_in
from ext.netlink.types import Change, Link, Record, Route
from tests.ext_netlink import twin
from tests.support.netns import Namespace, namespace

TYPES = st.sampled_from([16, 17, 20, 21, 24, 25, 28, 29, 32, 33, 1, 99])
HEADS = {16: 16, 20: 8, 24: 12, 28: 12, 32: 12}
# kinds that mean something somewhere, so that most attributes are read as something
KINDS = st.one_of(st.integers(0, 20), st.sampled_from([27, 33, 52, 53, 54, 56, 57]), st.integers(0, 0xFFFF))
PLAIN = st.tuples(KINDS, st.one_of(st.binary(max_size=60), st.just(b"vlan\0"), st.just(b"")))
ATTRIBUTES = st.recursive(
    st.lists(PLAIN, max_size=6).map(lambda found: b"".join(attr(kind, data) for kind, data in found)),
    lambda inner: st.lists(st.tuples(KINDS, inner), max_size=6).map(
        lambda found: b"".join(attr(kind, data) for kind, data in found)
    ),
    max_leaves=8,
)


def alike(message: int, body: bytes) -> None:
    """Both read the same, or both refuse."""
    expected: Record | type[twin.Bad] | None
    found: Record | type[twin.Bad] | None
    try:
        expected = twin.parse(message, body)
    except twin.Bad:
        expected = twin.Bad
    try:
        found = parse(message, body)
    except OSError as refused:
        assert "Bad message" in str(refused)
        found = twin.Bad
    assert found == expected


@given(TYPES, st.binary(max_size=300))
def test_random_bytes_are_read_as_the_twin_reads_them(message: int, body: bytes) -> None:
    alike(message, body)


@settings(max_examples=400)
@given(st.sampled_from(sorted(HEADS)), st.binary(min_size=16, max_size=16), ATTRIBUTES, st.integers(0, 3))
def test_any_attributes_are_read_as_the_twin_reads_them(message: int, head: bytes, body: bytes, cut: int) -> None:
    alike(message, head[: HEADS[message]] + body[: len(body) - cut])


@settings(max_examples=200)
@given(st.lists(st.tuples(TYPES, st.binary(max_size=80), st.integers(0, 20)), max_size=5), st.binary(max_size=20))
def test_datagrams_are_cut_as_the_twin_cuts_them(messages: list[tuple[int, bytes, int]], rest: bytes) -> None:
    datagram = b""
    for kind, body, lie in messages:
        size = 16 + len(body) + (0 if lie else 40)
        datagram += struct.pack("=IHHII", size, kind, 0, 1, 0) + body + bytes(-len(body) % 4)
    expected: list[Change] | None
    try:
        expected = twin.changes(datagram + rest)
    except twin.Bad:
        expected = None
    if expected is None:
        with pytest.raises(OSError, match="Bad message"):
            changes_in(datagram + rest)
    else:
        assert changes_in(datagram + rest) == expected


def test_a_kernels_dumps_are_read_as_the_twin_reads_them() -> None:
    with namespace() as there:
        there.batch(
            "link add eth0 type veth peer name far0",
            "link add br0 type bridge",
            "link set eth0 up alias outside mtu 1400",
            "link set far0 up master br0",
            "link property add dev eth0 altname enp0s3 altname uplink",
            "address add 10.5.0.2/24 brd + dev eth0 label eth0:a",
            "address add fd00::2/64 dev eth0 nodad valid_lft 900 preferred_lft 500",
            "route add default nexthop via 10.5.0.1 dev eth0 weight 3 nexthop via inet6 fe80::1 dev eth0",
            "route add 10.6.0.0/16 via 10.5.0.1 metric 100 mtu 1300 table 5000",
            "neighbor add 10.5.0.1 lladdr 02:00:00:00:00:09 dev eth0",
            "rule add from 10.5.0.0/24 fwmark 0x10/0xff iif eth0 table 5000",
        )
        for kind, least in {16: 4, 20: 4, 24: 8, 28: 1, 32: 4}.items():
            told = 0
            for datagram in dump(there, kind + 2):
                records = [change.record for change in twin.changes(datagram)]
                assert answer_in(kind, datagram)[0] == records
                assert [change.record for change in changes_in(datagram)] == records
                told += len(records)
            assert told >= least


def dump(there: Namespace, message: int) -> Iterator[bytes]:
    """The datagrams of a dump, as the kernel sends them."""
    with sockets.socket(fileno=socket_in(there.fd, sockets.AF_NETLINK, sockets.SOCK_RAW, 0)) as sock:
        sock.send(struct.pack("=IHHII", 32, message, 0x301, 1, 0) + bytes(16))
        over = False
        while not over:
            datagram = sock.recv(1 << 16)
            over = answer_in(message - 2, datagram)[1]
            yield datagram


def test_the_last_of_equal_attributes_counts() -> None:
    ways = [struct.pack("=HBBi", 8, 0, weight, 1) for weight in range(3)]
    texts = text(20, "first"), nest(52, text(53, "a"), text(53, "b")), text(57, "bus"), text(20, "last")
    alike(16, bytes(16) + b"".join(texts) + nest(52, text(53, "c")))
    alike(24, bytes(12) + attr(9, b"".join(ways)) + attr(9, ways[2]))
    found = parse(16, bytes(16) + b"".join(texts) + nest(52, text(53, "c")))
    assert isinstance(found, Link)
    assert (found.alias, found.names, found.bus) == ("last", ("c",), "bus")


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
