"""DHCPv4 messages, leases and the client's table, without a network."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.codec.dhcp import Bound, Client, Effect, Kind, Lease, Lost, Message, Option, Send, State, decode, encode
from core.codec.dhcp.client import TABLE
from core.codec.dhcp.frame import BROADCAST, checksum, unwrap, wrap
from core.codec.dhcp.message import ANY
from core.codec.dhcp.states import Event

MAC = bytes([2, 0, 0, 0, 0, 7])
SERVER = IPv4Address("10.0.0.1")
MINE = IPv4Address("10.0.0.77")
addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
messages = st.builds(
    Message,
    reply=st.booleans(),
    xid=st.integers(0, 2**32 - 1),
    hardware=st.binary(max_size=16),
    options=st.dictionaries(st.integers(1, 254).filter(lambda code: code != 52), st.binary(max_size=700), max_size=8),
    seconds=st.integers(0, 65535),
    broadcast=st.booleans(),
    client=addresses,
    yours=addresses,
    server=addresses,
    relay=addresses,
)


@given(messages)
def test_a_message_comes_back(message: Message) -> None:
    assert decode(encode(message)) == message


@given(st.binary(max_size=600))
def test_random_bytes_are_refused_or_read(data: bytes) -> None:
    with_cookie = data[:236].ljust(236, b"\1") + bytes([99, 130, 83, 99]) + data[236:]
    for raw in (data, with_cookie):
        try:
            decode(raw)
        except Invalid:
            continue


def test_overloaded_fields_hold_options() -> None:
    raw = bytearray(encode(Message(True, 1, MAC, {Option.OVERLOAD: b"\3"})))
    raw[108 : 108 + 7] = bytes([15, 4]) + b"file" + b"\xff"
    raw[44 : 44 + 7] = bytes([12, 4]) + b"name" + b"\xff"
    options = decode(bytes(raw)).options
    assert (options[Option.DOMAIN], options[Option.HOSTNAME]) == (b"file", b"name")


@given(st.binary(min_size=1, max_size=1400), addresses, addresses)
def test_a_frame_has_right_sums_and_the_ports(payload: bytes, source: IPv4Address, target: IPv4Address) -> None:
    packet = wrap(payload, source, target)
    assert checksum(packet[:20]) == 0
    assert checksum(source.packed + target.packed + bytes([0, 17]) + packet[24:26] + packet[20:]) == 0
    answer = packet[:20] + packet[22:24] + packet[20:22] + packet[24:]
    answer = answer[:20] + bytes([0, 67, 0, 68]) + answer[24:]
    assert unwrap(answer) == payload
    with pytest.raises(Invalid):
        unwrap(packet)  # it is for the server's port


@given(st.binary(max_size=100))
def test_random_frames_never_crash(packet: bytes) -> None:
    for raw in (packet, b"\x45" + packet):
        try:
            unwrap(raw)
        except Invalid:
            continue


def options(**more: bytes) -> dict[int, bytes]:
    base: dict[int, bytes] = {
        Option.SERVER: SERVER.packed,
        Option.LEASE_TIME: (1200).to_bytes(4, "big"),
        Option.SUBNET_MASK: bytes([255, 255, 255, 0]),
    }
    return {**base, **{Option[key.upper()]: value for key, value in more.items()}}


def offered(**more: bytes) -> Lease:
    return Lease.of(Message(True, 1, MAC, options(**more), yours=MINE), 100.0)


def test_a_lease_reads_its_options() -> None:
    lease = offered(
        router=SERVER.packed,
        dns=bytes([9, 9, 9, 9, 8, 8, 8, 8, 0, 0, 0, 0]),
        domain=b"example.org\0",
        hostname=b"node-1",
        mtu=(1400).to_bytes(2, "big"),
        ntp=SERVER.packed,
    )
    assert lease == Lease(
        interface=IPv4Interface("10.0.0.77/24"),
        server=SERVER,
        since=100.0,
        renew=600.0,
        rebind=1050.0,
        expire=1200.0,
        routes=((IPv4Network("0.0.0.0/0"), SERVER),),
        dns=(IPv4Address("9.9.9.9"), IPv4Address("8.8.8.8")),
        ntp=(SERVER,),
        hostname="node-1",
        domain="example.org",
        mtu=1400,
    )


def test_classless_routes_put_the_router_out_of_force() -> None:
    raw = bytes([24, 192, 168, 7, 10, 0, 0, 2, 0, 10, 0, 0, 3, 12, 172, 16, 10, 0, 0, 4])
    assert offered(router=SERVER.packed, classless_routes=raw).routes == (
        (IPv4Network("192.168.7.0/24"), IPv4Address("10.0.0.2")),
        (IPv4Network("0.0.0.0/0"), IPv4Address("10.0.0.3")),
        (IPv4Network("172.16.0.0/12"), IPv4Address("10.0.0.4")),
    )
    assert offered(classless_routes=raw[:-1]).routes == ()
    assert offered(classless_routes=b"\x21" + bytes(9)).routes == ()


@pytest.mark.parametrize(
    ("option", "value", "attribute", "read"),
    [
        ("hostname", b"no;name", "hostname", ""),
        ("hostname", b"a\nb", "hostname", ""),
        ("domain", b"-x.y", "domain", ""),
        ("mtu", bytes([0, 20]), "mtu", 0),
        ("subnet_mask", bytes([255, 0, 255, 0]), "interface", IPv4Interface("10.0.0.77/32")),
        ("lease_time", b"\xff" * 4, "expire", None),
        ("renewal_time", (5000).to_bytes(4, "big"), "renew", 600.0),
    ],
)
def test_nonsense_of_a_server_does_no_harm(option: str, value: bytes, attribute: str, read: object) -> None:
    assert getattr(offered(**{option: value}), attribute) == read


class Server:
    """Answers what the client sent last."""

    def __init__(self) -> None:
        self.client = Client(MAC, lambda: 0.5, hostname="me")
        self.effects: list[Effect] = []

    @property
    def asked(self) -> Message:
        return decode([e for e in self.effects if isinstance(e, Send)][-1].payload)

    def answer(self, kind: Kind, now: float, **more: bytes) -> list[Effect]:
        message = Message(
            True, self.asked.xid, MAC, {**options(**more), Option.MESSAGE_TYPE: bytes([kind])}, yours=MINE
        )
        return self.take(self.client.received(encode(message), now))

    def take(self, effects: list[Effect]) -> list[Effect]:
        self.effects += effects
        return effects

    def bind(self) -> None:
        self.take(self.client.start(0.0))
        self.answer(Kind.OFFER, 1.0)
        self.answer(Kind.ACK, 2.0)
        assert self.client.state is State.BOUND


def test_a_lease_is_won_in_four_messages() -> None:
    server = Server()
    (sent,) = server.take(server.client.start(0.0))
    assert isinstance(sent, Send)
    assert (sent.target, sent.source, server.asked.kind) == (BROADCAST, None, Kind.DISCOVER)
    assert server.asked.options[Option.HOSTNAME] == b"me"
    server.answer(Kind.OFFER, 1.0)
    assert server.asked.kind is Kind.REQUEST
    assert server.asked.options[Option.REQUESTED_ADDRESS] == MINE.packed
    assert server.asked.client == ANY
    (won,) = server.answer(Kind.ACK, 2.0)
    assert isinstance(won, Bound)
    assert won.lease.since == 0.0 or won.lease.since == 1.0
    assert server.client.deadline == won.lease.since + 600


def test_discovery_goes_on_with_growing_pauses() -> None:
    server = Server()
    server.take(server.client.start(0.0))
    pauses = []
    now = 0.0
    for _ in range(9):
        assert server.client.deadline is not None
        pauses.append(server.client.deadline - now)
        now = server.client.deadline
        (sent,) = server.take(server.client.tick(now))
        assert isinstance(sent, Send)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 64, 64]


def test_a_request_without_answer_is_given_up_and_begun_anew() -> None:
    server = Server()
    server.take(server.client.start(0.0))
    server.answer(Kind.OFFER, 0.0)
    kinds = []
    while server.client.state is State.REQUESTING:
        assert server.client.deadline is not None
        kinds += [decode(e.payload).kind for e in server.client.tick(server.client.deadline) if isinstance(e, Send)]
    assert kinds == [Kind.REQUEST] * 3
    assert server.client.deadline is not None
    server.take(server.client.tick(server.client.deadline))
    assert server.asked.kind is Kind.DISCOVER


def test_renewal_asks_the_server_and_then_everybody_and_then_gives_up() -> None:
    server = Server()
    server.bind()
    seen = []
    while server.client.state is not State.INIT:
        assert server.client.deadline is not None
        now = server.client.deadline
        for effect in server.take(server.client.tick(now)):
            if isinstance(effect, Send):
                assert (effect.source, server.asked.client) == (MINE, MINE)
                assert Option.SERVER not in server.asked.options
                seen.append((server.client.state.value, str(effect.target)))
            else:
                assert isinstance(effect, Lost)
    assert seen[0] == ("renewing", "10.0.0.1")
    assert seen[-1] == ("rebinding", "255.255.255.255")
    assert len(seen) < 12
    assert server.client.lease is None


def test_a_renewed_lease_counts_from_the_request_that_won_it() -> None:
    server = Server()
    server.bind()
    server.take(server.client.tick(600.0 + 1))
    (won,) = server.answer(Kind.ACK, 605.0)
    assert isinstance(won, Bound)
    assert won.lease.since == 601.0
    assert server.client.deadline == 601.0 + 600


@pytest.mark.parametrize("after", [601.0, 1060.0])
def test_a_refusal_takes_the_lease_away_and_starts_over(after: float) -> None:
    server = Server()
    server.bind()
    server.take(server.client.tick(after))
    effects = server.answer(Kind.NAK, after + 1, text=b"wrong net")
    assert effects == [Lost("refused by the server wrong net")]
    assert server.client.state is State.INIT
    assert server.client.deadline is not None and server.client.deadline > after + 1


def test_a_node_that_slept_past_the_end_has_no_lease() -> None:
    server = Server()
    server.bind()
    effects = server.client.tick(10_000.0)
    assert isinstance(effects[-1], Lost)
    assert server.client.state is State.INIT


def test_stopping_gives_the_lease_back() -> None:
    server = Server()
    server.bind()
    effects = server.take(server.client.stop(5.0))
    assert [type(e) for e in effects] == [Send, Lost]
    assert (server.asked.kind, server.asked.client) == (Kind.RELEASE, MINE)
    assert server.client.deadline is None
    assert server.client.stop(6.0) == []
    assert server.client.start(7.0)


def test_what_is_not_for_us_changes_nothing() -> None:
    server = Server()
    server.take(server.client.start(0.0))
    good = {**options(), Option.MESSAGE_TYPE: bytes([Kind.OFFER])}
    for wrong in (
        Message(True, server.asked.xid ^ 1, MAC, good, yours=MINE),
        Message(True, server.asked.xid, b"\0" * 6, good, yours=MINE),
        Message(False, server.asked.xid, MAC, good, yours=MINE),
        Message(True, server.asked.xid, MAC, good),
        Message(True, server.asked.xid, MAC, {**good, Option.MESSAGE_TYPE: bytes([Kind.ACK])}, yours=MINE),
        Message(True, server.asked.xid, MAC, {}, yours=MINE),
    ):
        assert server.client.received(encode(wrong), 1.0) == []
    assert server.client.received(b"garbage", 1.0) == []
    assert server.client.state is State.SELECTING


@given(st.lists(st.one_of(st.sampled_from(list(Kind)), st.floats(0, 2000), st.binary(max_size=300)), max_size=60))
def test_no_order_of_events_breaks_the_client(script: list[Kind | float | bytes]) -> None:
    server = Server()
    server.take(server.client.start(0.0))
    now = 0.0
    for step in script:
        if isinstance(step, Kind):
            server.answer(step, now)
        elif isinstance(step, bytes):
            server.take(server.client.received(step, now))
        else:
            now += step
            server.take(server.client.tick(now))
        assert (server.client.lease is not None) == (
            server.client.state in (State.BOUND, State.RENEWING, State.REBINDING)
        )
        assert server.client.deadline is not None


def test_the_table_answers_every_message_and_timer_or_says_that_it_cannot() -> None:
    for state, event in product(State, (Event.STOP,)):
        assert (state, event) in TABLE
    with pytest.raises(Invalid, match="start while selecting"):
        server = Server()
        server.client.start(0.0)
        server.client.start(0.0)
