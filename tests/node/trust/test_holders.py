"""The ledger of who was signed for: what it remembers is what it saved, and nobody with the token alone fills it."""

from collections.abc import Iterator

import pytest

from core.base.errors import Exhausted
from core.node.holders import LIMIT, NAMES, Holders, Joined
from core.node.resources import NAMESPACES, REGISTRY
from core.node.survivor import SLOT, Survivor
from core.state import Store
from tests.support.clock import FakeClock, on_loop
from tests.support.fdtable import FdTable

Made = tuple[Holders, FakeClock, Survivor[dict[str, Joined]]]


@pytest.fixture
def made() -> Iterator[Made]:
    table, clock = FdTable(), FakeClock()
    ledger = Survivor(table, "joined", dict[str, Joined])
    try:
        yield Holders(Store(REGISTRY, clock, NAMESPACES), ledger, clock), clock, ledger
    finally:
        ledger.close()
        table.close()


def test_what_does_not_fit_is_not_remembered_and_the_next_is(made: Made) -> None:
    holders, clock, ledger = made
    end = clock.now() + 3600
    with pytest.raises(Exhausted):
        holders.note("10.0.0.5", "a", ("x" * SLOT,), end)
    holders.note("10.0.0.6", "b", ("w-1",), end)
    assert holders.claimed("10.0.0.7") == {"b": ("w-1",)}
    assert ledger.load() == {"b": Joined("10.0.0.6", {"w-1": end}, clock.now() + 0.4 * 3600)}


@on_loop
async def test_each_name_is_held_as_long_as_a_certificate_has_it(made: Made) -> None:
    holders, clock, _ = made
    assert not holders.note("10.0.0.5", "a", ("w-1", "10.0.0.5"), clock.now() + 100)
    await clock.advance(39)
    assert not holders.note("10.0.0.6", "a", ("10.0.0.6",), clock.now() + 100)  # not due yet
    assert holders.claimed("x") == {"a": ("10.0.0.5", "10.0.0.6", "w-1")}
    await clock.advance(41)
    assert holders.note("10.0.0.6", "a", ("w-2", "10.0.0.6"), clock.now() + 100)
    await clock.advance(20)
    assert holders.claimed("x") == {"a": ("10.0.0.6", "w-2")}
    await clock.advance(100)
    assert holders.claimed("x") == {}


def test_one_node_one_network_and_all_together_have_a_bound(made: Made) -> None:
    holders, clock, ledger = made
    end = clock.now() + 3600
    for number in range(32):  # behind one address, as many as a translator may hide
        holders.note("10.0.0.1", f"k{number}", (f"w-{number}",), end)
    with pytest.raises(Exhausted, match=r"32 nodes at 10\.0\.0\.1/32"):
        holders.note("10.0.0.1", "one more", ("w",), end)
    holders.note("10.0.0.1", "k0", ("w-0",), end)  # who is known is served
    holders.note("10.0.0.1", "again", ("w-1",), end)  # and so is who was wiped
    with pytest.raises(Exhausted, match=f"{NAMES} names"):
        holders.note("10.0.0.1", "k0", [f"n{number}" for number in range(NAMES)], end)
    six = {f"six {n}": Joined(f"fd00::{n:x}", {f"fd00::{n:x}": end}, end) for n in range(LIMIT // 2)}
    ledger.save(six)
    holders = Holders(Store(REGISTRY, clock, NAMESPACES), ledger, clock)
    with pytest.raises(Exhausted, match=f"{LIMIT // 2} nodes at fd00::/64"):
        holders.note("fd00::ffff", "one more", ("x",), end)
    holders.note("fd00:0:0:1::1", "elsewhere", ("x",), end)
    ledger.save(
        six | {f"four {n}": Joined(f"10.{n // 200}.{n % 200}.1", {f"w-{n}": end}, end) for n in range(LIMIT // 2)}
    )
    holders = Holders(Store(REGISTRY, clock, NAMESPACES), ledger, clock)
    with pytest.raises(Exhausted, match=f"{LIMIT} nodes have joined"):
        holders.note("10.9.0.1", "one more", ("x",), end)
