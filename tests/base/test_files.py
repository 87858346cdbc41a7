"""Atomic writes: content, mode and the previous version, looked at in a real folder."""

from pathlib import Path

from core.base.files import write_atomic


def test_replaces_and_keeps_the_previous(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    for n in range(3):
        write_atomic(path, b"%d" % n, mode=0o640, keep_previous=True)
    assert path.read_bytes() == b"2"
    assert (tmp_path / "config.yaml.previous").read_bytes() == b"1"
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.yaml", "config.yaml.previous"]


def test_a_left_over_temporary_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "a.new").write_bytes(b"torn")
    write_atomic(tmp_path / "a", b"whole")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
