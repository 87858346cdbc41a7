"""Kernel modules: which of the kernel package's go into the image, decompressed (their signatures stay, and squashfs
compresses better than the package did), with the indexes modprobe reads."""

import lzma
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.base.errors import NotFound
from core.image import listing
from core.image.cache import Cache, digest
from core.image.entry import Entry, file
from core.image.lock import Lock, Pin
from core.image.packages import Store
from core.image.root import Root

# each takes the lists of those before it too
FLAVOURS: Final = ("cloud", "server")
_INDEXES: Final = re.compile(r"modules\.(dep|alias|builtin|softdep|weakdep|devname|builtin\.alias)(\.bin)?")
_DEPMOD: Final = ["depmod", "-b", "/mnt/out"]


@dataclass(frozen=True, slots=True)
class Kernel:
    """An unpacked kernel package with its selection: `folder` holds lib/modules/<release> as it goes into the image,
    `first` names what the initramfs takes of it."""

    flavour: str
    first: tuple[str, ...]
    pin: Pin
    release: str
    vmlinuz: Path
    folder: Path

    @property
    def modules(self) -> Path:
        return self.folder / "lib" / "modules" / self.release

    def entries(self) -> Iterator[Entry]:
        for path in sorted(self.modules.rglob("*")):
            if path.is_file():
                place = f"usr/lib/modules/{self.release}/{path.relative_to(self.modules)}"
                reason = "kernel module" if path.suffix == ".ko" else "index for modprobe"
                yield file(place, path, "modules", self.pin.name, reason)

    def load_order(self) -> list[Path]:
        """The first modules with all they depend on, each after what it needs; those the kernel has built in are left
        out. Raises NotFound."""
        dependencies = read_dependencies(self.modules)
        by_name = {module_name(path): path for path in dependencies}
        builtin = {module_name(line) for line in (self.modules / "modules.builtin").read_text().split()}
        order: list[str] = []
        for name in self.first:
            path = by_name.get(name)
            if path is not None:
                order += [p for p in (*reversed(dependencies[path]), path) if p not in order]
            elif name not in builtin:
                raise NotFound(f"{self.release} has no module {name}")
        return [self.modules / path for path in order]


def kernel(cache: Cache, root: Root, store: Store, lock: Lock, flavour: str) -> Kernel:
    """The flavour's kernel with its selected modules."""
    pin = lock.section(flavour)[0]
    store.fetch([pin])
    package = store.unpacked(pin)
    source = next((package / "usr/lib/modules").iterdir())
    flavours = FLAVOURS[: FLAVOURS.index(flavour) + 1]
    chosen = [row for name in flavours for row in listing.patterns(f"modules.{name}.txt")]
    dropped = listing.patterns("modules.drop.txt")
    firsts = tuple(module_name(row) for name in flavours for row, _ in listing.read(f"modules.initramfs.{name}.txt"))

    def fill(folder: Path) -> None:
        dependencies = _all_dependencies(root, source, folder)
        wanted = set[str]()
        for path in dependencies:
            below = path.removeprefix("kernel/")
            taken = any(p.match(below) for p, _ in chosen) and not any(p.search(below) for p, _ in dropped)
            if taken or module_name(path) in firsts:
                wanted |= {path, *dependencies[path]}
        _decompress(source, folder / "lib" / "modules" / source.name, wanted)
        root.run([*_DEPMOD, source.name], {"out": folder})
        for index in (folder / "lib" / "modules" / source.name).glob("modules.*"):
            if not _INDEXES.fullmatch(index.name):
                index.unlink()

    lists = (f"{pattern.pattern}" for pattern, _ in (*chosen, *dropped))
    folder = cache.step("modules", digest((root.name, pin.sha256, flavour, *firsts, *lists)), fill, keep=4)
    return Kernel(flavour, firsts, pin, source.name, next((package / "boot").glob("vmlinuz-*")), folder)


def read_dependencies(modules: Path) -> dict[str, list[str]]:
    """modules.dep: each module's path with those it needs, nearest first."""
    lines = (line.split(":", 1) for line in (modules / "modules.dep").read_text().splitlines())
    return {path: needs.split() for path, needs in lines}


def module_name(path: str) -> str:
    """The name the kernel has for a module's file."""
    return path.rpartition("/")[2].partition(".")[0].replace("-", "_")


def _all_dependencies(root: Root, source: Path, folder: Path) -> dict[str, list[str]]:
    whole = folder / "whole"
    shutil.copytree(source, whole / "lib" / "modules" / source.name, copy_function=os.link)
    root.run([*_DEPMOD, source.name], {"out": whole})
    found = read_dependencies(whole / "lib" / "modules" / source.name)
    shutil.rmtree(whole)
    return found


def _decompress(source: Path, target: Path, wanted: Iterable[str]) -> None:
    for path in sorted(wanted):
        out = target / path.removesuffix(".xz")
        out.parent.mkdir(parents=True, exist_ok=True)
        data = (source / path).read_bytes()
        out.write_bytes(lzma.decompress(data) if path.endswith(".xz") else data)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copyfile(source / name, target / name)
