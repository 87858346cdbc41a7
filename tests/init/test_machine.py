"""PID 1 of a machine, in QEMU, with an image made here: a stub in the spawner's place, a tree by veritysetup, a key of
its own. What a container cannot show: the watchdog, power, a bad block under a running root."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.codec import bundle, cpio
from core.codec.member import Member
from core.provision.qemu import Disk, Machine
from tests.support.pid1 import CHECKOUT, build_init
from tests.support.qemu import IMAGE, boot, laid_over, machine, need_kernel

pytestmark = pytest.mark.slow
DATA = bytes(range(256)) * 256  # more than one block, so that its middle shares none with what mounting reads
FOLDERS = ("dev", "proc", "sys", "run", "system", "tmp", "var", "root")


@dataclass(frozen=True)
class Made:
    image: Path
    initramfs: Path


def squash(folder: Path) -> bytes:
    tree = folder / "tree"
    for name in FOLDERS:
        (tree / name).mkdir(parents=True)
    launch = tree / "usr/libexec/ichor/launch"
    launch.parent.mkdir(parents=True)
    source = CHECKOUT / "tests/init/stub.c"
    subprocess.run(["gcc", "-static", "-O2", f"-I{CHECKOUT}/ext/init", "-o", str(launch), str(source)], check=True)
    (tree / "data").write_bytes(DATA)
    target = folder / "root.squashfs"
    options = ["-noD", "-noF", "-no-fragments", "-noappend", "-quiet", "-no-progress"]  # data as it is, to be found
    subprocess.run(["mksquashfs", str(tree), str(target), *options], check=True, stdout=subprocess.DEVNULL)
    data = target.read_bytes()
    return data.ljust(bundle.data_size(data[:96]), b"\0")


def seal(folder: Path, data: bytes, key: Ed25519PrivateKey) -> bytes:
    """The image: an independent tool makes the tree."""
    plain, tree, salt = folder / "plain", folder / "tree.hash", bytes(32)
    plain.write_bytes(data)
    command = ["veritysetup", "format", "--no-superblock", "--salt", salt.hex(), str(plain), str(tree)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    root = re.search(r"Root hash:\s*([0-9a-f]{64})", told)
    assert root is not None
    hashes = tree.read_bytes()
    footer = bundle.Footer(len(data), len(hashes), 1, bytes.fromhex(root[1]), salt, bytes(32), bytes(32), "test")
    signed = bundle.encode(footer)
    return data + hashes + bundle.append_signature(signed, key.sign(signed))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    need_kernel()
    folder = tmp_path_factory.mktemp("made")
    key = Ed25519PrivateKey.generate()
    image = folder / "image"
    image.write_bytes(seal(folder, squash(folder), key))
    members = [
        Member.file("init", build_init().read_bytes(), 0o755),
        Member.file("key.pub", key.public_key().public_bytes_raw()),
        *watchdog_module(folder),
    ]
    initramfs = folder / "initramfs"
    initramfs.write_bytes(laid_over((IMAGE / "initramfs.cpio.zst").read_bytes(), members))
    return Made(image, initramfs)


def watchdog_module(folder: Path) -> Iterator[Member]:
    """The emulated watchdog's driver and its core, from the built image, last in the order."""
    names, target = ("watchdog", "i6300esb"), folder / "unsquashed"
    wanted = [f"usr/lib/modules/*/kernel/drivers/watchdog/{name}.ko" for name in names]
    command = ["unsquashfs", "-quiet", "-no-progress", "-d", str(target), str(IMAGE / "ichor.img"), *wanted]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    archive = subprocess.run(["zstd", "-dc", IMAGE / "initramfs.cpio.zst"], check=True, capture_output=True).stdout
    order = next(member.data for member in cpio.unpack(archive) if member.name == "modules/order")
    for name in names:
        yield Member.file(f"modules/{name}.ko", next(target.rglob(f"{name}.ko")).read_bytes())
        order += f"/modules/{name}.ko\n".encode()
    yield Member.file("modules/order", order)


@contextmanager
def booting(
    tmp_path: Path, made: Made, stub: str, image: Path | None = None, watchdog: bool = False
) -> Iterator[Machine]:
    disks = (Disk(path=image or made.image, read_only=True),)
    cmdline = f"panic=-1 stub={stub}"
    with machine(
        tmp_path / "machine",
        cmdline=cmdline,
        initrd=made.initramfs,
        disks=disks,
        exit_on_reboot=True,
        watchdog=watchdog,
        memory_mib=256,
    ) as qemu:
        yield qemu


def test_the_watchdog_resets_the_machine_when_beats_stop(tmp_path: Path, made: Made) -> None:
    with booting(tmp_path, made, "stop", watchdog=True) as qemu:
        boot(qemu, r"stub: silent")
        assert b"ichor: watchdog: armed, 30 s" in qemu.console()
        assert qemu.wait(60), "no reset within a minute"
        assert b"ichor: power" not in qemu.console()


@pytest.mark.parametrize(("action", "word"), [("poweroff", "power off"), ("reboot", "reboot")])
def test_power(tmp_path: Path, made: Made, action: str, word: str) -> None:
    with booting(tmp_path, made, action) as qemu:
        boot(qemu, f"ichor: power: {word}: the test says so")
        assert qemu.wait(60), "it stays on"
        assert b"power: writing back did not end" not in qemu.console()


def test_a_bad_block_fails_its_read_and_the_node_lives(tmp_path: Path, made: Made) -> None:
    bad = Path(shutil.copy(made.image, tmp_path / "bad"))
    content = bytearray(bad.read_bytes())
    at = content.index(DATA) + len(DATA) // 2
    content[at] ^= 1
    bad.write_bytes(content)
    with booting(tmp_path, made, "read", bad) as qemu:
        boot(qemu, r"stub: silent")
        console = qemu.console().decode(errors="replace")
    assert "stub: read: Input/output error" in console
    assert f"data block {at // 4096} is corrupted" in console
    assert "stub: beat: 0" in console


def test_the_same_image_unharmed(tmp_path: Path, made: Made) -> None:
    with booting(tmp_path, made, "read") as qemu:
        boot(qemu, r"stub: read: whole")


def test_five_deaths_reboot(tmp_path: Path, made: Made) -> None:
    with booting(tmp_path, made, "die") as qemu:
        boot(qemu, r"ichor: power: reboot: spawner died 5 times within a minute, last by status 1")
        assert qemu.wait(60), "it stays on"
