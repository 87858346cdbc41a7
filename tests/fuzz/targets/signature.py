"""What a disk holds, told by its signatures and superblocks: never an error, whatever stands there."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.codec import signature
from tests.fuzz.disks import pack, unpack
from tests.fuzz.target import Target

_ID = "12345678-9abc-4def-8123-456789abcdef"


def check(data: bytes) -> None:
    disk = unpack(data)
    for found in signature.probe(disk.read, disk.size):
        assert found.offset >= 0
        assert found.details.size >= 0 and found.details.block_size >= 0
    first = signature.first_data(disk.read, disk.size)
    if first is not None:
        assert disk.read(first, 1) != b"\0"


def seeds() -> Iterator[bytes]:
    made = (
        (512, ["mkfs.ext4", "-q", "-F", "-U", _ID, "-O", "^has_journal", "-E", f"hash_seed={_ID}"]),
        (512, ["mkfs.vfat", "-i", "12345678", "--invariant"]),
        (2048, ["mkswap", "-q", "-U", _ID, "-L", "swap"]),
        (2048, ["sgdisk", "-a", "1", "-U", _ID, "-n", "1:64:128", "-u", f"1:{_ID}"]),
    )
    for size, command in made:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "disk")
            path.write_bytes(bytes(size * 1024))
            subprocess.run([*command, str(path)], check=True, capture_output=True)
            image = path.read_bytes()
            yield pack(image[: 80 << 10].ljust(len(image), b"\0"))[:3500]
    for name, _, offset, magic in signature._FIXED[::3]:
        yield pack(bytes(offset) + magic + name.encode().ljust(200, b"\1"))
    yield pack((bytes(508 << 10) + bytes(0x400 - 512) + b"EFI PART").ljust(512 << 10, b"\0"))


TARGET = Target(check, seeds, runs=600)
