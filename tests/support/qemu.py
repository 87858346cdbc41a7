"""QEMU for tests: machines that are always killed at the test's end, on the built image's kernel. Boot retries after a
kernel oops before init are counted here, so that a run can report them."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.codec import cpio
from core.codec.member import Member
from core.provision.qemu import Machine, Spec
from tests.support.image import TREE, built

IMAGE = Path(os.environ.get("ICHOR_TEST_IMAGE") or TREE / "_out" / "x86_64")  # there after `need_kernel`
oopses = 0


@contextmanager
def machine(folder: Path, **spec: Any) -> Iterator[Machine]:
    """A machine in `folder` (made when absent); by default on the built kernel. Killed whatever happens."""
    folder.mkdir(parents=True, exist_ok=True)
    spec.setdefault("kernel", IMAGE / "vmlinuz")
    made = Machine(Spec(folder=folder, **spec))
    try:
        yield made
    finally:
        made.kill()


def boot(made: Machine, pattern: str, timeout: float = 180.0) -> None:
    """Start and wait for `pattern` on the console, counting kernels that died before init."""
    global oopses
    oopses += made.boot(pattern, timeout)


def need_kernel() -> Path:
    """The kernel of the image, which is built when it is not up to date."""
    return built().vmlinuz


def laid_over(initramfs: bytes, members: Iterable[Member]) -> bytes:
    """The initramfs with more files in it, or other ones: the kernel unpacks one archive after the other, and looks for
    the next one where a word begins."""
    return initramfs + bytes(-len(initramfs) % 4) + cpio.pack(members)


def blank_disk(path: Path, size: int) -> Path:
    """A sparse file of `size` bytes."""
    with path.open("wb") as file:
        file.truncate(size)
    return path
