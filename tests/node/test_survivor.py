"""Survivors over real memfds: what is saved is found by the next process, and a torn save is as if it had not been."""

import os
from collections.abc import Iterator

import pytest

from core.base.errors import Exhausted
from core.node.survivor import SLOT, Survivor
from tests.support.fdtable import FdTable


@pytest.fixture
def table() -> Iterator[FdTable]:
    table = FdTable()
    yield table
    table.close()


def test_nothing_was_ever_saved(table: FdTable) -> None:
    survivor = Survivor(table, "a", dict[str, int])
    assert survivor.load() is None
    survivor.close()


def test_the_next_process_finds_the_last_value(table: FdTable) -> None:
    first = Survivor(table, "a", dict[str, int])
    for n in range(5):
        first.save({"n": n})
    first.close()
    second = Survivor(table, "a", dict[str, int])
    assert second.load() == {"n": 4}
    second.close()


@pytest.mark.parametrize("torn_at", [0, 4, 16, 17, 20])
def test_a_torn_save_leaves_the_value_before(table: FdTable, torn_at: int) -> None:
    survivor = Survivor(table, "a", str)
    survivor.save("old old old")
    before = os.pread(table.held["a"], 2 * SLOT, 0)
    survivor.save("new new new")
    after = os.pread(table.held["a"], 2 * SLOT, 0)
    torn = after[:torn_at] + before[torn_at:SLOT] + after[SLOT:]
    os.pwrite(table.held["a"], torn, 0)
    survivor.close()
    again = Survivor(table, "a", str)
    assert again.load() == "old old old"
    again.close()


def test_too_large(table: FdTable) -> None:
    survivor = Survivor(table, "a", bytes)
    with pytest.raises(Exhausted, match="do not fit"):
        survivor.save(bytes(SLOT))
    survivor.close()


def test_more_room_is_there_for_the_next_process_too(table: FdTable) -> None:
    first = Survivor(table, "a", bytes, 3 * SLOT)
    for size in (1, 2 * SLOT, 2 * SLOT + 1):
        first.save(bytes(size))
    first.close()
    second = Survivor(table, "a", bytes)
    assert second.load() == bytes(2 * SLOT + 1)
    with pytest.raises(Exhausted, match="do not fit"):
        second.save(bytes(3 * SLOT))
    second.close()
