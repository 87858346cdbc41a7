"""What nodes tell each other: sealed, left, kept for a while, and known from several at once."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Exhausted
from core.cluster.discovery.known import Known
from core.cluster.discovery.table import LIFETIME, MOST, Table
from core.cluster.discovery.told import LARGEST, Sealer, Told
from ext.seal import gcm
from tests.support.clock import FakeClock, on_loop, settle

SEALER = Sealer(bytes(range(32)), "cluster")
words = st.text(max_size=20)
addresses = st.lists(st.ip_addresses().map(str), max_size=4).map(tuple)
networks = st.lists(st.sampled_from(["10.244.0.0/24", "fd00::/64"]), max_size=2).map(tuple)
told = st.builds(
    Told,
    node_id=words,
    stamp=st.integers(0, 1 << 62),
    addresses=addresses,
    hostname=words,
    nodename=words,
    system=words,
    machine=st.integers(0, 9),
    api_server_port=st.integers(0, 65535),
    pod_networks=networks,
    left=st.booleans(),
)


@given(told)
def test_what_is_told_is_what_is_read(one: Told) -> None:
    sealed = SEALER.seal(one)
    assert SEALER.unseal(one.node_id, sealed) == one
    assert SEALER.seal(one) != sealed
    assert SEALER.unseal(one.node_id + "x", sealed) is None
    assert Sealer(bytes(range(32)), "other").unseal(one.node_id, sealed) is None
    assert Sealer(bytes(32), "cluster").unseal(one.node_id, sealed) is None


@given(st.binary(max_size=300))
def test_who_knows_the_secret_may_still_say_nonsense(message: bytes) -> None:
    nonce = bytes(12)
    sealed = nonce + gcm.seal(bytes(range(32)), nonce, message, b"ichor affiliate\0cluster\0a")
    assert SEALER.unseal("a", sealed) is None


@pytest.mark.parametrize(
    "wrong",
    [{"addresses": ["no address"]}, {"pod_networks": ["10.0.0.1/8"]}, {"api_server_port": 65536}, {"node_id": "b"}],
)
def test_what_cannot_be_right_is_nothing(wrong: dict[str, object]) -> None:
    message = msgspec.json.encode({"node_id": "a", "stamp": 1} | wrong)
    sealed = bytes(12) + gcm.seal(bytes(range(32)), bytes(12), message, b"ichor affiliate\0cluster\0a")
    assert SEALER.unseal("a", sealed) is None
    assert SEALER.unseal("a", bytes(LARGEST + 1)) is None


@on_loop
async def test_the_table_keeps_the_newest_for_a_while() -> None:
    clock = FakeClock()
    table = Table(clock)
    waiting = asyncio.create_task(table.beyond(table.revision))
    await settle()
    assert not waiting.done()
    table.leave("a", b"two", 2)
    await settle()
    assert waiting.done()
    revision = table.revision
    table.leave("a", b"one", 1)
    assert [(each.node_id, each.sealed, each.left) for each in table.entries()] == [("a", b"two", LIFETIME)]
    await clock.advance(LIFETIME - 1)
    table.leave("a", b"two", 2)  # the same again: for longer, and no change
    assert table.revision == revision
    await clock.advance(LIFETIME - 1)
    assert [each.left for each in table.entries()] == [1]
    await clock.advance(1)
    assert not list(table.entries())
    assert table.revision != revision


def test_the_table_has_an_end() -> None:
    table = Table(FakeClock())
    for number in range(MOST):
        table.leave(str(number), b"", 1)
    with pytest.raises(Exhausted):
        table.leave("one more", b"", 1)
    table.leave("0", b"new", 2)


def test_of_two_with_one_name_the_newer_counts() -> None:
    known = Known()
    assert known.ends() is None
    assert known.learn(Told(node_id="a", nodename="one", stamp=1), 10)
    assert known.learn(Told(node_id="b", nodename="one", stamp=5), 20)
    assert known.learn(Told(node_id="c", nodename="", stamp=3), 30)
    assert [each.node_id for each in known.current(0)] == ["b", "c"]
    assert not known.learn(Told(node_id="b", nodename="one", stamp=4), 99)
    assert not known.learn(Told(node_id="b", nodename="one", stamp=5), 40)  # for longer
    assert known.ends() == 10
    assert [each.node_id for each in known.current(35)] == ["b"]
    assert not known.current(40)


def test_who_has_left_is_not_brought_back_by_what_he_said_before() -> None:
    known = Known()
    known.learn(Told(node_id="a", nodename="one", stamp=1), 10)
    known.learn(Told(node_id="a", nodename="one", stamp=2, left=True), 10)
    known.learn(Told(node_id="a", nodename="one", stamp=1), 10)
    assert known.current(0) == []
    known.learn(Told(node_id="b", nodename="one", stamp=3), 10)  # the same machine, wiped
    assert [each.node_id for each in known.current(0)] == ["b"]
    known.learn(Told(node_id="b", nodename="one", stamp=4, left=True), 10)
    assert known.current(0) == []
    known.learn(Told(node_id="b", nodename="one", stamp=5), 10)  # its identity was kept
    assert [each.node_id for each in known.current(0)] == ["b"]
