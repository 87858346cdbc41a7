"""image.lock and the lists: what is written is read back, and what is wrong is named by line."""

from pathlib import Path

import pytest

from core.base.errors import Invalid, NotFound
from core.image import apt, listing, lock, resolve
from core.image.lock import Lock, Pin
from core.image.modules import FLAVOURS

TREE = Path(__file__).parents[2]
HASH = "ab" * 32


def test_a_lock_survives(tmp_path: Path) -> None:
    before = Lock(1700000000, (Pin("image", "libc6", "2.41-12", HASH), Pin("wheel", "orjson", "3.1", HASH)))
    lock.save(tmp_path / "image.lock", before)
    assert lock.load(tmp_path / "image.lock") == before
    assert before.pin("wheel", "orjson").version == "3.1"
    with pytest.raises(NotFound, match="make lock"):
        before.pin("image", "orjson")


def test_a_local_lock_serves_until_the_other_is_newer(tmp_path: Path) -> None:
    pins, ours, local = (Pin("image", "libc6", "2.41-12", HASH),), tmp_path / "image.lock", tmp_path / "local"
    lock.save(ours, Lock(1700000000, pins))
    assert not lock.newer(local, ours)
    for date, serves in ((1699999999, False), (1700000000, False), (1700000001, True)):
        lock.save(local, Lock(date, pins))
        assert lock.newer(local, ours) is serves


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date 1\nimage a 1", "line 2"),
        (f"date 1\nnowhere a 1 {HASH}", "line 2"),
        (f"image a 1 {HASH}", "no date"),
        ("", "no"),
    ],
)
def test_a_broken_lock_is_named_by_line(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        lock.parse(text)


def test_changes_are_told() -> None:
    old, new = [Pin("image", "a", "1", HASH), Pin("root", "b", "1", HASH)], [Pin("image", "a", "2", HASH)]
    assert lock.changes(old, new) == ["image: a 1 -> 2", "root: b 1 -> none"]


def test_the_lock_in_the_tree_holds_what_the_lists_ask_for() -> None:
    locked = lock.load(TREE / "image.lock")
    for section, names in resolve.wanted().items():
        for name in names:
            assert locked.pin(section, name)
    for flavour in FLAVOURS:
        assert len(locked.section(flavour)) == 1
    named = {source.partition(":")[0] for _, source, _, _ in listing.rows("files.txt", 4)} - {"dir", "link", "text"}
    assert named <= {pin.name for pin in locked.section("image")}


def test_the_lock_names_no_mirror() -> None:
    assert "://" not in (TREE / "image.lock").read_text()


def test_sources_are_the_machines_own_with_the_release_exchanged() -> None:
    lines = apt.sources()
    assert lines
    assert all(f" {apt.RELEASE}" in line and line.endswith(" main\n") for line in lines)


def test_every_list_parses_and_gives_reasons() -> None:
    for path in sorted(listing.DATA.glob("*.txt")):
        if path.name not in ("files.txt", "packages.txt"):
            assert listing.patterns(path.name)
