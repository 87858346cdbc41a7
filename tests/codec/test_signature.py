"""Signatures against the tools that make the formats and against libblkid as the judge; damage and any bytes."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.codec import meta, signature
from core.codec.superblock import Read

MIB = 1 << 20
SIZE = 400 * MIB


def _reader(path: Path) -> Read:
    def read(offset: int, length: int) -> bytes:
        with path.open("rb") as file:
            file.seek(max(0, offset))
            return file.read(length)

    return read


def _run(*args: str | Path, data: bytes | None = None) -> str:
    done = subprocess.run(args, input=data, capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def _blkid(path: Path) -> dict[str, str]:
    lines = _run("blkid", "-p", "-o", "export", path).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _squash(path: Path) -> None:
    source = path.with_name("source")
    source.mkdir()
    (source / "file").write_bytes(b"x" * 10_000)
    path.unlink()
    _run("mksquashfs", source, path, "-quiet", "-no-progress")


def _small_fat(path: Path) -> None:
    os.truncate(path, 4 * MIB)
    _run("mkfs.fat", "-F", "12", path)


MAKERS: dict[str, Callable[[Path], object]] = {
    "xfs": lambda p: _run("mkfs.xfs", "-q", "-L", "STATE", p),
    "ext2": lambda p: _run("mke2fs", "-q", "-t", "ext2", "-L", "two", p),
    "ext3": lambda p: _run("mke2fs", "-q", "-t", "ext3", p),
    "ext4": lambda p: _run("mke2fs", "-q", "-t", "ext4", "-L", "four", "-b", "4096", p),
    "jbd": lambda p: _run("mke2fs", "-q", "-O", "journal_dev", p),
    "fat12": _small_fat,
    "fat16": lambda p: _run("mkfs.fat", "-F", "16", "-n", "BOOT", p),
    "fat32": lambda p: _run("mkfs.fat", "-F", "32", "-n", "EFI", p),
    "squashfs": _squash,
    "luks1": lambda p: _run(
        *("cryptsetup", "-q", "luksFormat", "--type", "luks1", "--pbkdf-force-iterations", "1000", p), data=b"x"
    ),
    "luks2": lambda p: _run(
        *("cryptsetup", "-q", "luksFormat", "--type", "luks2", "--label", "secret", "--pbkdf", "pbkdf2"),
        *("--pbkdf-force-iterations", "1000", p),
        data=b"x",
    ),
    "swap": lambda p: _run("mkswap", "-L", "spare", p),
    "verity": lambda p: _run("veritysetup", "format", p.with_name("data"), p),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_we_say_what_blkid_says(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    for file in (path, tmp_path / "data"):
        with file.open("wb") as disk:
            disk.truncate(SIZE)
    MAKERS[kind](path)
    expected = _blkid(path)
    (found, *more) = signature.probe(_reader(path), path.stat().st_size)
    assert all(s.type == found.type for s in more)
    assert found.type == expected["TYPE"]
    assert found.usage == expected["USAGE"]
    if found.type != "DM_verity_hash":
        assert found.details.label == expected.get("LABEL", "")
        assert found.details.uuid == expected.get("UUID", expected.get("LOGUUID", ""))
    assert signature.first_data(_reader(path), path.stat().st_size) is not None


@pytest.mark.parametrize(("label", "kind"), [("gpt", "gpt"), ("dos", "dos")])
def test_partition_tables_at_either_end(label: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    with path.open("wb") as disk:
        disk.truncate(16 * MIB)
    if label == "gpt":
        _run("sgdisk", "--new=1:2048:4095", path)
    else:
        entry = bytes([0x80, 0, 2, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, "little") + (2048).to_bytes(4, "little")
        with path.open("r+b") as disk:
            disk.write(bytes(446) + entry + bytes(48) + b"\x55\xaa")
    found = signature.probe(_reader(path), 16 * MIB)
    assert kind in {s.type for s in found}
    assert _blkid(path)["PTTYPE"] == kind
    if kind == "gpt":
        with path.open("r+b") as disk:
            disk.write(bytes(MIB))
        assert {(s.type, s.offset) for s in signature.probe(_reader(path), 16 * MIB)} == {("gpt", 16 * MIB - 512)}


@pytest.mark.parametrize("back", ["0.90", "1.0", "1.1", "1.2"])
def test_md_members_of_every_format(back: str, tmp_path: Path) -> None:
    size = 40 * MIB + 5 * 4096
    offset = {"0.90": (size & ~0xFFFF) - 0x10000, "1.0": (size - 0x2000) & ~0xFFF, "1.1": 0, "1.2": 4096}[back]
    path = tmp_path / "disk"
    with path.open("wb") as disk:
        disk.truncate(size)
        disk.seek(offset)
        disk.write(b"\xfc\x4e\x2b\xa9")
    assert [(s.type, s.offset) for s in signature.probe(_reader(path), size)] == [("linux_raid_member", offset)]


@pytest.mark.parametrize("row", signature._FIXED, ids=lambda row: f"{row[0]}@{row[2]:#x}")
def test_every_row_is_found_alone(row: tuple[str, str, int, bytes], tmp_path: Path) -> None:
    path = tmp_path / "disk"
    with path.open("wb") as disk:
        disk.truncate(8 * MIB)
        disk.seek(row[2])
        disk.write(row[3])
    assert row[0] in {s.type for s in signature.probe(_reader(path), 8 * MIB)}


def test_meta_is_known_and_blank_is_blank(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(meta.encode({6: b"A"}) * 2)
    assert [s.type for s in signature.probe(_reader(path), path.stat().st_size)] == ["talosmeta"]
    path.write_bytes(bytes(3 * MIB))
    assert signature.probe(_reader(path), 3 * MIB) == []
    assert signature.first_data(_reader(path), 3 * MIB) is None


@given(st.integers(0, 3 * MIB - 1))
def test_data_at_either_edge_is_noticed(offset: int) -> None:
    data = bytearray(3 * MIB)
    data[offset] = 1
    found = signature.first_data(lambda at, length: bytes(data[at : at + length]), len(data))
    assert found == (None if MIB <= offset < 2 * MIB else offset)


@given(st.sampled_from(signature._FIXED), st.binary(max_size=1200), st.integers(0, 5000))
def test_any_bytes_are_probed(row: tuple[str, str, int, bytes], noise: bytes, size: int) -> None:
    pieces = [(row[2], row[3] + noise), (0x400, noise[:200]), (0x438, b"\x53\xef" + noise), (0x8000, noise)]

    def read(offset: int, length: int) -> bytes:
        for at, piece in pieces:
            if at <= offset < at + len(piece):
                return piece[offset - at : offset - at + length]
        return bytes(length // 2)

    for found in signature.probe(read, size):
        assert isinstance(found.details.label, str)
