"""The files of packages: what files.txt names, stripped, and the libraries these and all other ELF files of the image
need, out of the locked packages alone."""

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

from core.base.errors import NotFound
from core.image import listing
from core.image.cache import Cache, digest
from core.image.entry import Entry, Tree, file, folder, link
from core.image.lock import Lock, Pin
from core.image.packages import Store
from core.image.root import Root
from core.image.tools import run

LIBRARIES: Final = "usr/lib/x86_64-linux-gnu"
_FILE: Final = re.compile(r"^File: (.*)$")
_NEEDED: Final = re.compile(r"\(NEEDED\).*\[(.*)\]")
_KIND: Final = {"libc.": "libc", "libm.": "libc", "ld-linux": "libc", "libcrypto": "openssl", "libssl": "openssl"}


class Holder(Protocol):
    """Packages, whoever unpacked them."""

    def files(self, package: str, pattern: str) -> list[Path]:
        """The package's files that match, links followed. Raises NotFound."""

    def library(self, soname: str) -> tuple[str, Path]:
        """The package and file of a shared library. Raises NotFound."""


class Packages:
    """The locked packages' files, each ELF file stripped once."""

    def __init__(self, cache: Cache, root: Root, store: Store, lock: Lock) -> None:
        self._cache, self._root, self._store = cache, root, store
        self._pins = {pin.name: pin for pin in lock.section("image")}
        store.fetch(self._pins.values())

    def files(self, package: str, pattern: str) -> list[Path]:
        """The package's files that match; symbolic links are followed. Raises NotFound."""
        pin = self._pins.get(package)
        if pin is None:
            raise NotFound(f"{package} is not in image.lock", remedy="add it to packages.txt and run `make lock`")
        found = sorted(path for path in self._stripped(pin).glob(pattern) if path.is_file())
        if not found:
            raise NotFound(f"{pin} holds no {pattern}")
        return found

    def library(self, soname: str) -> tuple[str, Path]:
        """The package and file of a shared library. Raises NotFound."""
        for pin in self._pins.values():
            path = self._stripped(pin) / LIBRARIES / soname
            if path.is_file():
                return pin.name, path.resolve()
        raise NotFound(f"no package in image.lock holds {soname}", remedy="add it to packages.txt and run `make lock`")

    def _stripped(self, pin: Pin) -> Path:
        def fill(target: Path) -> None:
            shutil.copytree(self._store.unpacked(pin), target, symlinks=True, dirs_exist_ok=True)
            elf = [f"/mnt/out/{path.relative_to(target)}" for path in target.rglob("*") if is_elf(path)]
            if elf:
                self._root.run(["strip", "--strip-unneeded", *elf], {"out": target})

        return self._cache.step("stripped", digest((self._root.name, pin.sha256)), fill, keep=400)


def listed(packages: Packages, version: str) -> Iterator[Entry]:
    """The entries of files.txt and the few texts that are computed."""
    yield from entries(packages, listing.rows("files.txt", 4))
    yield file("etc/ssl/certs/ca-certificates.crt", authorities(packages), "ca", "ca-certificates", "whom TLS trusts")
    yield file("usr/lib/os-release", _os_release(version), "base", "ichor", "what the kubelet tells about the node")


def entries(packages: Holder, rows: Iterable[tuple[str, ...]]) -> Iterator[Entry]:
    """What lines `group | source | place | reason` name; a place that ends with / takes several files."""
    for group, source, place, reason in rows:
        kind, _, rest = source.partition(":")
        match kind:
            case "dir":
                yield folder(place, int(rest, 8), group, reason)
            case "link":
                yield link(place, rest, group, reason)
            case "text":
                yield file(place, (listing.DATA / "text" / rest).read_bytes(), group, "ichor", reason)
            case _:
                for path in packages.files(kind, rest):
                    target = f"{place}{path.name}" if place.endswith("/") else place
                    yield file(target, path.resolve(), group, kind, reason, mode=0o755 if is_elf(path) else 0o644)


def closure(packages: Holder, tree: Tree) -> None:
    """Add the libraries that the tree's ELF files need and do not find in it."""
    pending = [entry.source for entry in tree if entry.is_file and entry.source and is_elf(entry.source)]
    known: set[str] = set()
    while pending:
        wanted = needed(pending)
        pending = []
        for soname, by in sorted(wanted.items()):
            place = f"{LIBRARIES}/{soname}"
            if soname in known or place in tree:
                continue
            known.add(soname)
            package, path = packages.library(soname)
            tree.add(
                file(
                    place, path, _kind(soname), package, f"needed by {by}", mode=0o755 if soname[:3] == "ld-" else 0o644
                )
            )
            pending.append(path)


def needed(paths: Iterable[Path]) -> dict[str, str]:
    """Names of the shared libraries in the files' dynamic sections, each with the first file that needs it."""
    found: dict[str, str] = {}
    current = ""
    every = list(paths)
    for line in run(["readelf", "-dW", *every]).decode().splitlines():
        if match := _FILE.match(line):
            current = Path(match[1]).name
        elif match := _NEEDED.search(line):
            found.setdefault(match[1], current or every[0].name)
    return found


def is_elf(path: Path) -> bool:
    """A regular file that starts with the ELF magic."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def _kind(soname: str) -> str:
    return next((kind for prefix, kind in _KIND.items() if soname.startswith(prefix)), "libraries")


def authorities(packages: Holder) -> bytes:
    """The certificates of all whom Debian trusts, in one file."""
    certificates = packages.files("ca-certificates", "usr/share/ca-certificates/mozilla/*.crt")
    return b"".join(path.read_bytes() for path in certificates)


def _os_release(version: str) -> bytes:
    return f'NAME="Ichor"\nID=ichor\nVERSION_ID={version}\nPRETTY_NAME="Ichor ({version})"\n'.encode()
