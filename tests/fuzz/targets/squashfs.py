"""Which file owns which bytes of a squashfs: tables that lie, folders that hold themselves."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.base.errors import Invalid, Unsupported
from core.codec import squashfs
from tests.fuzz.disks import Disk
from tests.fuzz.target import Target, attempt


def check(data: bytes) -> None:
    disk = Disk(len(data), {0: data})
    layout = attempt((Invalid, Unsupported), squashfs.layout, disk.read)
    if layout is None:
        return
    assert len(layout.files) <= len(data), "more files than bytes"
    owners = set(layout.owners(0, 1 << 70))
    assert owners >= {file.path for file in layout.files if file.stored}
    assert layout.owners(0, 0) == []


def seeds() -> Iterator[bytes]:
    trees: tuple[dict[str, bytes], ...] = (
        {"a": b"text"},
        {"usr/bin/x": b"#!" * 900, "usr/lib/y": b"", "z": b"z" * 5000},
        {f"d{n % 3}/file{n}": bytes([n]) * n for n in range(30)},
    )
    for tree in trees:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in tree.items():
                path = Path(folder, "root", name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            image = Path(folder, "image")
            options = ("-noI", "-noId", "-noF", "-noX", "-nopad", "-b", "4096", "-quiet", "-no-progress", "-all-root")
            times = ("-mkfs-time", "0", "-all-time", "0", "-processors", "1")
            subprocess.run(["mksquashfs", Path(folder, "root"), image, *options, *times], check=True)
            yield image.read_bytes()


TARGET = Target(check, seeds, runs=20_000, largest=8192, minutes=5)
