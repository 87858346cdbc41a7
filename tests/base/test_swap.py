"""Files that change together: what is seen is one set, whole, whoever was killed."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base import swap

FILES = st.dictionaries(st.sampled_from(["a", "b", "c.crt", "c.key"]), st.binary(max_size=20))


def read(folder: Path) -> dict[str, bytes]:
    """What somebody finds who lists it and opens what is not hidden."""
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if not entry.name.startswith("..")}


@given(sets=st.lists(FILES, min_size=1, max_size=5))
def test_the_last_set_is_there_and_nothing_of_the_others(
    tmp_path_factory: pytest.TempPathFactory, sets: list[dict[str, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("swap") / "a" / "b"
    before: dict[str, bytes] | None = None
    for files in sets:
        assert swap.swap(folder, files, os.getuid()) == (files != before)
        assert read(folder) == files
        assert len(list(folder.iterdir())) == len(files) + 2
        before = files
    swap.discard(folder)
    assert list(folder.iterdir()) == []


def test_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    swap.swap(folder, {"key": b"k"}, 65534)
    for place, mode in ((folder, 0o700), (folder / "..data" / ".", 0o700), (folder / "key", 0o400)):
        found = place.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 65534, mode)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.parametrize("steps", range(12))
def test_a_death_at_any_step_leaves_a_whole_set_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    class Killed(BaseException):
        pass

    old, new = {"crt": b"1", "key": b"1"}, {"crt": b"2", "key": b"2", "more": b"2"}
    swap.swap(tmp_path / "f", old, os.getuid())
    left = iter(range(steps))
    with monkeypatch.context() as patch:
        for owner, name in ((os, "open"), (os, "fchown"), (os, "chown"), (Path, "symlink_to"), (Path, "unlink")):
            patch.setattr(owner, name, _until(getattr(owner, name), left, Killed))
        with suppress(Killed):
            swap.swap(tmp_path / "f", new, os.getuid())
    seen = {name: (tmp_path / "f" / name).read_bytes() for name in ("crt", "key")}
    assert seen in (old, {name: new[name] for name in seen})
    swap.swap(tmp_path / "f", new, os.getuid())
    assert read(tmp_path / "f") == new


def _until(function: Callable[..., Any], left: Iterator[int], error: type[BaseException]) -> Callable[..., Any]:
    """The function, for as many calls as are left."""

    def limited(*args: Any, **keywords: Any) -> Any:
        if next(left, None) is None:
            raise error
        return function(*args, **keywords)

    return limited


def test_a_bind_mount_and_an_open_folder_see_the_change(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    swap.swap(folder, {"a": b"1"}, os.getuid())
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        swap.swap(folder, {"a": b"2"}, os.getuid())
        fd = os.open("a", os.O_RDONLY, dir_fd=held)
        assert os.read(fd, 10) == b"2"
        os.close(fd)
    finally:
        os.close(held)


def test_sets_are_told_apart_by_names_and_contents() -> None:
    sets: tuple[dict[str, bytes], ...] = (
        {},
        {"a": b""},
        {"a": b"b"},
        {"ab": b""},
        {"a": b"", "b": b""},
        {"a": b"b", "b": b""},
    )
    assert len({swap.digest(files) for files in sets}) == len(sets)
