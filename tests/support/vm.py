"""Virtual machines for tests: a cluster of one QEMU node in a home of its own, on a copy of the built image, with a
hand inside (hand.c) where a test has to do what no verb does. `started()` takes everything away whatever happens."""

import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from core.codec import cpio, squashfs
from core.codec.member import Member
from core.config import client
from core.image.verify import verify
from core.provision import bringup
from core.provision import cluster as provision
from core.provision.model import ClusterSpec
from core.provision.qemu import Machine
from core.provision.vms import VirtualMachines
from tests.support.cluster import STRANGER, Home, Node, remove, show_consoles, unique
from tests.support.image import built
from tests.support.qemu import laid_over

HAND: Final = 1007
ANSWER_SECONDS: Final = 300.0  # emulated, on a machine that does other things too
_HAND_SOURCE: Final = Path(__file__).with_name("hand.c")


@dataclass(frozen=True, slots=True)
class Vm(Node):
    """The node of such a cluster; `hand_port` leads to the hand inside."""

    hand_port: int = 0

    @property
    def machine(self) -> Machine:
        """Its QEMU."""
        return VirtualMachines(self.home.places, self.cluster).machine(self.cluster.nodes[self.index])

    def boot_id(self) -> str:
        """The kernel's name for this boot."""
        return self.ichorctl("read", "/proc/sys/kernel/random/boot_id").out.strip()

    def specs(self, kind: str) -> dict[str, Any]:
        """Every resource of a type by its id."""
        rows = json.loads(self.ichorctl("get", kind, "-o", "json").out)
        return {row["metadata"]["id"]: row["spec"] for row in rows}

    def hand(self, *words: str) -> str:
        """What the hand inside answers to these words."""
        with socket.create_connection(("127.0.0.1", self.hand_port), timeout=60) as link:
            link.sendall(" ".join(words).encode() + b"\n")
            return b"".join(iter(lambda: link.recv(1 << 16), b"")).decode()


def image(folder: Path, *, hand: bool = False) -> Path:
    """A folder with the built image that later builds leave alone."""
    made, target = built(), folder / "image"
    target.mkdir()
    for path in (made.image, made.vmlinuz, made.initramfs, made.key):
        shutil.copy(path, target)
    if hand:
        _lend_a_hand(folder, target / made.initramfs.name)
    return target


def await_answer(vm: Vm) -> float:
    """Until a stranger is answered, in maintenance mode; how long that took, in seconds."""
    return vm.await_answer(STRANGER, ANSWER_SECONDS)


@contextmanager
def started(folder: Path, image: Path, *, check: bool = True) -> Iterator[Vm]:
    """The machine, powered on. Its console is shown when the block fails. `check` refuses a damaged image."""
    home, name = Home(folder), unique("vm")
    spec = ClusterSpec(name=name, kind="qemu", image=str(image), standalone=True)
    try:
        cluster = provision.create(home.places, spec, _verifier(image) if check else _trusting, print)
        made = Vm(home, cluster)
        with made.machine.monitor() as qmp:
            qmp.human(f"hostfwd_add n0 tcp:127.0.0.1:0-:{HAND}")
        yield replace(made, hand_port=made.machine.ports()[HAND])
    except BaseException:
        show_consoles(home, name)
        raise
    finally:
        remove(home)


def configure(vm: Vm) -> None:
    """Its config, applied in maintenance mode; until it is ready."""
    access = bringup.configure(vm.home.places, vm.cluster, (), print, wait=True)
    vm.home.client_file.write_bytes(client.save(access))


def path(image: Path, end: str) -> str:
    """The one file of the image whose path ends so."""
    (found,) = (file.path for file in _layout(image).files if file.path.endswith(end))
    return found


def damage(image: Path, path: str) -> int:
    """Change a bit in the middle of a file, in a block that holds nothing else; the block's number."""
    layout = _layout(image)
    found = next(file for file in layout.files if file.path == path)
    block = (found.start + found.stored // 2) // 4096
    assert layout.owners(block * 4096, 4096) == [path]
    with (image / "ichor.img").open("r+b") as file:
        file.seek(block * 4096)
        byte = file.read(1)[0]
        file.seek(block * 4096)
        file.write(bytes([byte ^ 1]))
    return block


def _layout(image: Path) -> squashfs.Layout:
    with (image / "ichor.img").open("rb") as file:

        def read(offset: int, size: int) -> bytes:
            file.seek(offset)
            return file.read(size)

        return squashfs.layout(read)


def _lend_a_hand(folder: Path, initramfs: Path) -> None:
    program = folder / "hand"
    command: list[str | Path] = [
        "gcc",
        "-static",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-std=gnu11",
        "-o",
        program,
        _HAND_SOURCE,
    ]
    subprocess.run(command, check=True)
    archive = initramfs.read_bytes()
    plain = subprocess.run(["zstd", "-dc"], input=archive, check=True, capture_output=True).stdout
    init = next(member.data for member in cpio.unpack(plain) if member.name == "init")
    added = [Member.file("init.image", init, 0o755), Member.file("init", program.read_bytes(), 0o755)]
    initramfs.write_bytes(laid_over(archive, added))


def _verifier(image: Path) -> Callable[[Path], None]:
    key = (image / "key.pub").read_bytes()

    def check(path: Path) -> None:
        verify(path, key)

    return check


def _trusting(_: Path) -> None: ...
