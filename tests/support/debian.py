"""Programs of the image for tests on this machine: packages as image.lock names them, unpacked once into its cache."""

import os
import subprocess
from pathlib import Path

from core.image.apt import Apt
from core.image.cache import Cache, digest
from core.image.lock import load

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
