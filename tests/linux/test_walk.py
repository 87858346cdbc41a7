"""Walking a tree: every entry once, in an order, whatever happens to the files meanwhile."""

import os
import socket
from pathlib import Path

import pytest

from core.linux import walk as module
from core.linux.walk import walk


def tree(root: Path) -> None:
    for name in ("b/two", "b/one", "a/deep/er/still"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "link").symlink_to("b//./one")
    (root / "folder-link").symlink_to("b")


def held() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def names(root: Path, depth: int = -1) -> list[str]:
    return [entry.relative for entry in walk(str(root), depth)]


def test_folders_before_what_is_in_them_and_names_in_order(tmp_path: Path) -> None:
    tree(tmp_path)
    everything = [".", "a", "a/deep", "a/deep/er", "a/deep/er/still", "b", "b/one", "b/two", "folder-link", "link"]
    assert names(tmp_path) == everything
    assert names(tmp_path, 1) == [".", "a", "b", "folder-link", "link"]
    assert names(tmp_path, 2) == [name for name in everything if name.count("/") < 2]
    assert names(tmp_path, 0) == ["."]
    links = {entry.relative: entry.link for entry in walk(str(tmp_path)) if entry.link}
    assert links == {"link": "b//./one", "folder-link": "b"}


def test_a_root_that_is_a_link_or_a_file(tmp_path: Path) -> None:
    tree(tmp_path)
    assert [(e.path, e.relative) for e in walk(str(tmp_path / "folder-link"))][:2] == [
        (f"{tmp_path}/b", "."),
        (f"{tmp_path}/b/one", "one"),
    ]
    assert [(e.path, e.relative) for e in walk(str(tmp_path / "link"))] == [(f"{tmp_path}/b/one", "one")]
    with pytest.raises(FileNotFoundError):
        next(walk(str(tmp_path / "none")))
    assert next(walk("/")).path == "/"
    assert "/proc/self/comm" not in [entry.path for entry in walk("/proc", 1)]


def test_what_vanishes_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    tree(tmp_path)
    found = walk(str(tmp_path))
    assert next(found).relative == "."  # its names are known by now
    (tmp_path / "b/two").unlink()
    (tmp_path / "link").unlink()
    rest = {entry.relative: entry.error for entry in found}
    assert rest["link"] == "no such file or directory"
    assert "b/two" not in rest
    assert "a/deep/er/still" in rest


def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    missing = module.Entry("/proc/1/task/0", "gone", 1, Path("/").stat())
    names = module._names(missing.path)
    assert module._next(names) == (None, "no such file or directory")
    assert module._next(names) == (None, "")


def test_a_huge_folder_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SORTED", 3)
    for name in "edcba":
        (tmp_path / name).mkdir()
        (tmp_path / name / "in").touch()
    assert sorted(names(tmp_path)) == sorted([".", *"abcde", *(f"{name}/in" for name in "abcde")])
    before = held()
    left = walk(str(tmp_path))
    for _ in range(4):
        next(left)
    assert held() == before + 1
    left.close()
    assert held() == before


def test_depth_beyond_paths_is_an_error_of_its_entry(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("n" * 200, dir_fd=fd)
        deeper = os.open("n" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)
    *_, last = walk(str(tmp_path))
    assert last.error == "file name too long"


def test_odd_things_are_entries(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).touch()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "sock"))
        assert sorted(names(tmp_path)) == sorted([".", "pipe", "sock", "\udcff"])
