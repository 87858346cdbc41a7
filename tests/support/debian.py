"""Debian packages for tests on this machine, unpacked once into the image's cache: programs of the image as image.lock
names them, and others as the mirror has them."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from core.image.apt import RELEASE, Apt
from core.image.cache import Cache, digest
from core.image.lock import load
from core.image.tools import run

CACHE = Path(os.environ.get("ICHOR_CACHE", "~/.cache/ichor")).expanduser()
LOCK = Path(__file__).parents[2] / "image.lock"


def unpacked(*names: str) -> Path:
    """A folder with the files of these packages, at the image's versions if the mirror has them still."""
    lock = load(LOCK)
    pins = [lock.pin("image", name) for name in names]
    cache = Cache(CACHE)

    def make(folder: Path) -> None:
        apt = Apt(cache.folder / "apt-tests")
        store = cache.folder / "debs"
        apt.fetch(pins, store)
        for pin in pins:
            subprocess.run(["dpkg-deb", "-x", store / f"{pin.sha256}.deb", folder], check=True)

    return cache.step("test-packages", digest(pin.sha256 for pin in sorted(pins)), make)


def collected(
    kind: str,
    names: Sequence[str],
    *,
    release: str = RELEASE,
    unused: Sequence[str] | None = None,
    apart: bool = False,
) -> Path:
    """A folder with the files of packages at the versions the mirror had when it was made, which `packages` in it
    tells; `apart`: each package's below a folder of its name. With their dependencies where `unused` is given, but for
    those that begin so."""
    cache = Cache(CACHE)

    def make(folder: Path) -> None:
        apt = Apt(cache.folder / f"apt-{kind}", release=release)
        apt.update()
        pins = apt.candidates(kind, names) if unused is None else apt.closure(kind, names)
        pins = [pin for pin in pins if not pin.name.startswith(tuple(unused or ()))]
        apt.fetch(pins, cache.folder / "debs")
        for pin in pins:
            into = folder / pin.name if apart else folder
            run(["dpkg-deb", "--extract", cache.folder / "debs" / f"{pin.sha256}.deb", into])
        (folder / "packages").write_text("".join(f"{pin}\n" for pin in pins))

    return cache.step(kind, digest((release, *names, *(unused or ()))), make, keep=2)


def version(folder: Path, package: str) -> str:
    """The upstream version of a package in a folder of `collected`."""
    found = dict(line.split() for line in (folder / "packages").read_text().splitlines())
    return found[package].rpartition(":")[2].rpartition("-")[0]
