"""The ledger of who was signed for: what it remembers is what it saved."""

import pytest

from core.base.clock import SystemClock
from core.base.errors import Exhausted
from core.node.holders import Holders, Joined
from core.node.resources import NAMESPACES, REGISTRY
from core.node.survivor import SLOT, Survivor
from core.state import Store
from tests.support.fdtable import FdTable


def test_what_does_not_fit_is_not_remembered_and_the_next_is() -> None:
    table = FdTable()
    ledger = Survivor(table, "joined", dict[str, Joined])
    try:
        clock = SystemClock()
        later = clock.now() + 3600
        holders = Holders(Store(REGISTRY, clock, NAMESPACES), ledger, clock)
        with pytest.raises(Exhausted):
            holders.note("10.0.0.5", ("x" * SLOT,), later)
        holders.note("10.0.0.6", ("w-1",), later)
        assert "w-1" in holders.taken("10.0.0.7")
        assert ledger.load() == {"10.0.0.6": Joined(("w-1",), later)}
    finally:
        ledger.close()
        table.close()
