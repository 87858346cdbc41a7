"""From power-on to the verified root, in QEMU: the built image as it is, and with bytes changed. Each refusal is one
plain line that names what and where, and then the machine ends as panic= says."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.codec import bundle
from core.codec.member import Member
from core.provision.qemu import Disk, Machine
from tests.support.pid1 import build_init
from tests.support.qemu import IMAGE, boot, laid_over, machine, need_kernel

pytestmark = pytest.mark.slow
VERIFIED = r"ichor: /dev/vda: signature and root hash hold"


@pytest.fixture(scope="module")
def initramfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built one with this checkout's init laid over it."""
    need_kernel()
    target = tmp_path_factory.mktemp("initramfs") / "initramfs"
    init = Member.file("init", build_init().read_bytes(), 0o755)
    target.write_bytes(laid_over((IMAGE / "initramfs.cpio.zst").read_bytes(), [init]))
    return target


@contextmanager
def booting(folder: Path, initramfs: Path, image: Path, cmdline: str) -> Iterator[Machine]:
    disks = (Disk(path=image, read_only=True),)
    with machine(folder / "machine", cmdline=cmdline, initrd=initramfs, disks=disks, exit_on_reboot=True) as made:
        yield made


def footer_offset() -> int:
    with (IMAGE / "ichor.img").open("rb") as file:
        return bundle.footer_offset(file.read(96))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return Path(shutil.copy(IMAGE / "ichor.img", tmp_path / "ichor.img"))


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def refusal(folder: Path, initramfs: Path, image: Path, cmdline: str = "panic=-1") -> str:
    """The line that the boot stops with; the machine is off after it."""
    with booting(folder, initramfs, image, cmdline) as made:
        boot(made, r"ichor: boot stopped: [^\n]+\n")
        assert made.wait(90), "the machine stays on"
        lines = re.findall(r"ichor: boot stopped: (.*)", made.console().decode(errors="replace"))
    assert len(lines) == 1
    return str(lines[0]).strip()


def test_the_image_as_built_boots_to_the_spawner(tmp_path: Path, initramfs: Path, image: Path) -> None:
    with booting(tmp_path, initramfs, image, "panic=-1") as made:
        boot(made, VERIFIED)
        assert b"boot stopped" not in made.console()


@pytest.mark.parametrize("field", [40, 48, 176, 4000, bundle.SIGNED, 4095])
def test_a_flipped_byte_of_the_footer(tmp_path: Path, initramfs: Path, image: Path, field: int) -> None:
    offset = footer_offset()
    flip(image, offset + field)
    told = refusal(tmp_path, initramfs, image)
    assert told == f"/dev/vda: the signature of the footer at byte {offset} does not fit the key of this boot"


def test_a_flipped_byte_under_the_root(tmp_path: Path, initramfs: Path, image: Path) -> None:
    flip(image, 8)  # the superblock's date, which nobody reads but dm-verity
    told = refusal(tmp_path, initramfs, image)
    assert told == "/dev/vda: mounting the root: a block does not fit the root hash"


def test_an_image_cut_short(tmp_path: Path, initramfs: Path, image: Path) -> None:
    offset = footer_offset()
    with image.open("r+b") as file:
        file.truncate(offset)
    assert refusal(tmp_path, initramfs, image) == f"/dev/vda: ends at byte {offset}, before its footer does"


def test_no_image_at_all(tmp_path: Path, initramfs: Path, image: Path) -> None:
    image.write_bytes(bytes(1 << 20))
    assert refusal(tmp_path, initramfs, image) == "/dev/vda: no squashfs superblock"


def test_no_device(tmp_path: Path, initramfs: Path, image: Path) -> None:
    told = refusal(tmp_path, initramfs, image, "panic=-1 ichor.image=/dev/vdz")
    assert told == "/dev/vdz: No such file or directory after 30 s"


def test_without_panic_it_powers_off(tmp_path: Path, initramfs: Path, image: Path) -> None:
    image.write_bytes(bytes(1 << 20))
    refusal(tmp_path, initramfs, image, "")
