"""Unpacking an archive that means harm: what is outside stays as it is."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from core.base.errors import Invalid
from core.cli.unpack import unpack


def archive(*members: tuple[str, bytes, str]) -> io.BytesIO:
    """Name, type and where a link points; files hold their name."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode, member.mtime = kind, link, 0o6755, 5
            member.size = len(name) if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(name.encode()))
    packed.seek(0)
    return packed


def test_harmless_members_are_made(tmp_path: Path) -> None:
    said: list[str] = []
    members = (("d", tarfile.DIRTYPE, ""), ("d/f", tarfile.REGTYPE, ""), ("l", tarfile.SYMTYPE, "d//f"))
    for _ in range(2):  # over what is there, too
        unpack(archive(*members, ("new/g", tarfile.REGTYPE, "")), tmp_path, said.append)
    assert said == []
    assert (tmp_path / "d/f").read_text() == "d/f"
    assert os.readlink(tmp_path / "l") == "d//f"  # noqa: PTH115 - as it is
    status = (tmp_path / "new/g").stat()
    assert (status.st_mode & 0o7777, status.st_mtime) == (0o755, 5)


def test_harm_is_passed_over(tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    (outside / "file").write_text("mine")
    target.mkdir()
    (target / "folder").mkdir()
    said: list[str] = []
    bad = archive(
        ("../outside/a", tarfile.REGTYPE, ""),
        (str(outside / "b"), tarfile.REGTYPE, ""),
        ("away", tarfile.SYMTYPE, str(outside)),
        ("away/c", tarfile.REGTYPE, ""),
        ("away/more/c", tarfile.DIRTYPE, ""),
        ("file", tarfile.SYMTYPE, str(outside / "file")),
        ("file", tarfile.REGTYPE, ""),
        ("dev", tarfile.CHRTYPE, ""),
        ("hard", tarfile.LNKTYPE, "../outside/file"),
        ("folder", tarfile.REGTYPE, ""),
        ("good", tarfile.REGTYPE, ""),
    )
    unpack(bad, target, said.append)
    assert [entry.name for entry in outside.iterdir()] == ["file"]
    assert (outside / "file").read_text() == "mine"
    assert (target / "file").read_text() == "file"
    assert not (target / "file").is_symlink()
    assert sorted(entry.name for entry in target.iterdir()) == ["away", "file", "folder", "good"]
    assert len(said) == 7


def test_links_in_a_circle_lead_nowhere(tmp_path: Path) -> None:
    circle = (("a", tarfile.SYMTYPE, "b"), ("b", tarfile.SYMTYPE, "a"), ("a/c", tarfile.REGTYPE, ""))
    with pytest.raises(OSError, match="a"):
        unpack(archive(*circle), tmp_path, lambda _: None)


@pytest.mark.parametrize("mtime", [float("inf"), 1e300, float("nan")])
def test_times_that_are_none_break_an_archive(tmp_path: Path, mtime: float) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("f")
        member.pax_headers = {"mtime": str(mtime)}
        tar.addfile(member)
    packed.seek(0)
    with pytest.raises(Invalid, match="broken"):
        unpack(packed, tmp_path, lambda _: None)


def test_a_name_with_a_nul_breaks_an_archive(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("f")
        member.pax_headers = {"path": "a\0b"}
        tar.addfile(member)
    packed.seek(0)
    with pytest.raises(Invalid, match="broken"):
        unpack(packed, tmp_path, lambda _: None)
