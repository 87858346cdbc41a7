"""Whose bytes are whose, against mksquashfs's images and unsquashfs, which fails on exactly what was damaged."""

import filecmp
import random
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from core.base.errors import Invalid, Unsupported
from core.codec import squashfs
from core.image import tables

PLAIN = ["-noI", "-noId", "-no-xattrs", "-all-root", "-quiet", "-no-progress"]
SHAPES = {
    "small": ["-comp", "gzip", "-b", "4096", "-no-exports"],
    "zstd": ["-comp", "zstd", "-Xcompression-level", "19", "-b", "32768", "-no-exports"],
    "tails": ["-comp", "gzip", "-b", "8192", "-always-use-fragments", "-no-exports"],
    "exports": ["-comp", "xz", "-b", "16384", "-no-fragments"],
    "whole": ["-comp", "gzip", "-b", "8192", "-no-fragments", "-no-exports"],
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of every kind: large, small, empty, sparse, equal, in folders of any size; links and special files."""
    folder, noise = tmp_path_factory.mktemp("source"), random.Random(7)
    for name in ("many", "deep/er/still", "empty"):
        (folder / name).mkdir(parents=True)
    for number in range(300):
        (folder / "many" / f"small-{number:03}").write_text(noise.randbytes(noise.randrange(1, 400)).hex())
    (folder / "deep/large").write_text(noise.randbytes(75_000).hex())
    (folder / "deep/er/text").write_bytes(b"".join(b"%d\n" % n for n in range(20_000)))
    (folder / "deep/er/still/twin").write_bytes((folder / "deep/large").read_bytes())
    (folder / "nothing").touch()
    with (folder / "sparse").open("wb") as file:
        file.seek(200_000)
        file.write(noise.randbytes(25_000).hex().encode())
    (folder / "link").symlink_to("nothing")
    return folder


@pytest.fixture(scope="module", params=SHAPES)
def image(request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, shape = tmp_path_factory.mktemp(request.param) / "squashfs", SHAPES[request.param]
    subprocess.run(["mksquashfs", source, path, *PLAIN, *shape], check=True, capture_output=True)
    if "-no-fragments" not in shape:
        tables.decompress_fragments(path, _unzstd if "zstd" in shape else zlib.decompress)
    return path


def _unzstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-dc"], input=data, check=True, capture_output=True).stdout


def _reader(data: bytes) -> squashfs.Read:
    return lambda offset, size: data[offset : offset + size]


def _names(folder: Path) -> set[str]:
    return {f"/{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


def test_every_file_is_found(image: Path, source: Path) -> None:
    assert {file.path for file in squashfs.layout(_reader(image.read_bytes())).files} == _names(source)


def test_every_byte_has_an_owner(image: Path) -> None:
    """From the first to the last that the file system uses; behind it none has."""
    data = image.read_bytes()
    layout = squashfs.layout(_reader(data))
    used = int.from_bytes(data[40:48], "little")
    tables = {table.name for table in layout.tables}
    for at in range(0, used, 64):
        owners = layout.owners(at, 1)
        assert owners, at
        assert all(name in tables or name.startswith("/") for name in owners)
    assert layout.owners(0, 1) == ["superblock"]
    assert layout.owners(used, 4096) == []


def test_unsquashfs_fails_on_the_owners_alone(image: Path, source: Path, tmp_path: Path) -> None:
    """Damaged data costs the files that it is told to belong to, and no other."""
    loose = image.parent.name.startswith("zstd")
    data = image.read_bytes()
    layout = squashfs.layout(_reader(data))
    end = next(table.start for table in layout.tables if table.name == "inode table")
    noise = random.Random(11)
    for at in sorted({noise.randrange(100, end - 16) for _ in range(12)}):
        owners = layout.owners(at, 16)
        broken = tmp_path / "broken"
        broken.write_bytes(data[:at] + bytes(byte ^ 0xA5 for byte in data[at : at + 16]) + data[at + 16 :])
        differing = _differing(broken, source, tmp_path / f"out-{at}")
        # a block of zstd's has no checksum here, so that damage may pass by a fragment's other files
        assert differing == set(owners) or (loose and differing < set(owners)), at


def _differing(image: Path, source: Path, out: Path) -> set[str]:
    command: list[str | Path] = [
        "unsquashfs",
        "-ignore-errors",
        "-processors",
        "1",
        "-data-queue",
        "8",
        "-frag-queue",
        "8",
        "-quiet",
        "-no-progress",
        "-d",
        out,
        image,
    ]
    subprocess.run(command, check=False, capture_output=True)
    names = sorted(name[1:] for name in _names(source))
    same, _, _ = filecmp.cmpfiles(source, out, names, shallow=False)
    return {f"/{name}" for name in names} - {f"/{name}" for name in same}


def test_tables_are_named_though_they_cannot_be_read(image: Path) -> None:
    data = image.read_bytes()
    whole = squashfs.layout(_reader(data)).tables
    folders = next(table.start for table in whole if table.name == "folder table")
    inodes = next(table.start for table in whole if table.name == "inode table")

    def read(offset: int, size: int) -> bytes:
        if offset < folders and offset + size > inodes:
            raise OSError(5, "Input/output error")
        return data[offset : offset + size]

    with pytest.raises(OSError, match="Input/output"):
        squashfs.layout(read)
    assert squashfs.tables(read) == whole


def test_compressed_tables_are_refused(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "compressed"
    subprocess.run(["mksquashfs", source, path, "-quiet", "-no-progress"], check=True, capture_output=True)
    with pytest.raises(Unsupported, match="-noI"):
        squashfs.layout(_reader(path.read_bytes()))


def test_a_folder_within_itself_is_refused(tmp_path: Path) -> None:
    """The one entry of the root names the root."""
    (tmp_path / "source" / "child").mkdir(parents=True)
    path = tmp_path / "loop"
    subprocess.run(["mksquashfs", tmp_path / "source", path, *PLAIN], check=True, capture_output=True)
    data = bytearray(path.read_bytes())
    root, folders = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<Q", data, 72)[0]
    # header of the listing (count, block, inode number), then the entry's offset of its inode
    struct.pack_into("<H", data, folders + 2 + 12, root & 0xFFFF)
    with pytest.raises(Invalid, match="within itself"):
        squashfs.layout(_reader(bytes(data)))


def test_a_cut_image_is_invalid(image: Path) -> None:
    data = image.read_bytes()
    for end in (0, 50, 96, len(data) // 2):
        with pytest.raises(Invalid):
            squashfs.layout(_reader(data[:end]))
