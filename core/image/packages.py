"""The store of what was downloaded: .debs and wheels by their SHA-256, each unpacked once into a folder of its own."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from core.image import wheels
from core.image.apt import Apt
from core.image.cache import Cache
from core.image.lock import Pin
from core.image.tools import run

_KEEP: Final = 400


class Store:
    """Packages in the cache, fetched when they are first asked for."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.apt = Apt(cache.folder / "apt", cache.say)
        self.debs = cache.folder / "debs"
        self.wheels = cache.folder / "wheels"

    def fetch(self, pins: Iterable[Pin]) -> None:
        """Download the .debs that are not here, together."""
        self.apt.fetch(pins, self.debs)

    def fetch_wheels(self, pins: Iterable[Pin]) -> None:
        wheels.fetch(pins, self.wheels)

    def unpacked(self, pin: Pin) -> Path:
        """The folder of a package's files."""
        if pin.section == "wheel":
            return self._folder(pin, lambda folder: self.unpack_wheel_into(pin, folder))
        return self._folder(pin, lambda folder: self.unpack_into(pin, folder))

    def unpack_into(self, pin: Pin, folder: Path) -> None:
        self.fetch([pin])
        run(["dpkg-deb", "--extract", self.debs / f"{pin.sha256}.deb", folder])

    def unpack_wheel_into(self, pin: Pin, folder: Path) -> None:
        self.fetch_wheels([pin])
        wheels.unpack(self.wheels / f"{pin.sha256}.whl", folder)

    def _folder(self, pin: Pin, make: Callable[[Path], None]) -> Path:
        return self.cache.step("unpacked", f"{pin.name}-{pin.sha256[:16]}", make, keep=_KEEP)
