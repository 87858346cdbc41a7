"""Steps are whole or absent, made once, and pruned by use."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from core.image.cache import Cache, digest


def test_a_step_is_made_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    made: list[Path] = []
    folders = [cache.step("kind", "key", lambda folder: made.append(folder)) for _ in range(2)]
    assert folders == [tmp_path / "kind" / "key"] * 2
    assert len(made) == 1


def test_a_failed_step_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        Cache(tmp_path).step("kind", "key", fail)
    assert [path for path in (tmp_path / "kind").iterdir() if path.is_dir()] == []
    assert Cache(tmp_path).step("kind", "key", lambda folder: None).is_dir()


def test_one_step_is_made_once_however_many_want_it_and_others_go_on(tmp_path: Path) -> None:
    cache, made, both = Cache(tmp_path), list[str](), Barrier(2)

    def make(folder: Path) -> None:
        made.append(folder.name)
        both.wait(30)  # neither kind of step ends before the other has begun

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda key: cache.step("kind", key, make), ["a", "b"] * 3))
    assert sorted(made) == ["a.partial", "b.partial"]


def test_the_least_used_go_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for time, key in enumerate(("a", "b")):
        os.utime(cache.step("kind", key, lambda folder: None), (time, time))
    for key in ("a", "c"):
        cache.step("kind", key, lambda folder: None, keep=2)
    assert {path.name for path in (tmp_path / "kind").iterdir()} == {".lock", "a", "c"}


def test_names_are_unambiguous() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])
    assert digest(["a", b"b"]) == digest([b"a", "b"])
