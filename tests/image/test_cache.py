"""Steps are whole or absent, made once, and pruned by use."""

import os
from pathlib import Path

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
    assert [path.name for path in (tmp_path / "kind").iterdir()] == [".lock"]


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
