"""`image.lock`: what the image is made of, to the byte. One line a package: section, name, version, SHA-256; and the
date, in Unix seconds, that the image carries as its build date. Owns the file's format; resolves nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.base.errors import Invalid, NotFound
from core.base.files import write_atomic

SECTIONS: Final = ("image", "cloud", "server", "root", "wheel", "tool")
_HEADER: Final = """\
# What the image is built from; written by `make lock`. Sections: image (Debian packages inside it), cloud and server
# (the kernel of each module flavour), root (the build root), wheel (Python packages inside), tool (those of the root).
"""


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """One package at one version, by the SHA-256 of its .deb or wheel."""

    section: str
    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Lock:
    """All pins and the date of resolving."""

    date: int
    pins: tuple[Pin, ...]

    def section(self, *names: str) -> tuple[Pin, ...]:
        return tuple(pin for pin in self.pins if pin.section in names)

    def pin(self, section: str, name: str) -> Pin:
        """The one pin of a package; NotFound names the remedy."""
        for pin in self.section(section):
            if pin.name == name:
                return pin
        raise NotFound(f"{name} is not in the {section} section of image.lock", remedy="run `make lock`")


def dump(lock: Lock) -> str:
    """The file's text."""
    lines = (f"{p.section} {p.name} {p.version} {p.sha256}\n" for p in sorted(lock.pins, key=_place))
    return f"{_HEADER}date {lock.date}\n" + "".join(lines)


def parse(text: str) -> Lock:
    """Raises Invalid with the line's number."""
    date, pins = 0, list[Pin]()
    for number, line in enumerate(text.splitlines(), start=1):
        match line.split():
            case []:
                continue
            case [word, *_] if word.startswith("#"):
                continue
            case ["date", seconds] if seconds.isdigit():
                date = int(seconds)
            case [section, name, version, sha256] if section in SECTIONS and len(sha256) == 64:
                pins.append(Pin(section, name, version, sha256))
            case _:
                raise Invalid(f"image.lock line {number} is not `section name version sha256`")
    if not date or not pins:
        raise Invalid("image.lock has no date or no package", remedy="run `make lock`")
    return Lock(date, tuple(pins))


def load(path: Path) -> Lock:
    return parse(path.read_text())


def newer(path: Path, other: Path) -> bool:
    """Whether `path` is there and was resolved after `other`."""
    return path.exists() and load(path).date > load(other).date


def save(path: Path, lock: Lock) -> None:
    write_atomic(path, dump(lock).encode(), mode=0o644)


def changes(old: Iterable[Pin], new: Iterable[Pin]) -> list[str]:
    """What differs, a line each, for people."""
    before = {(p.section, p.name): p.version for p in old}
    after = {(p.section, p.name): p.version for p in new}
    return [
        f"{section}: {name} {before.get((section, name), 'none')} -> {after.get((section, name), 'none')}"
        for section, name in sorted(before.keys() | after.keys())
        if before.get((section, name)) != after.get((section, name))
    ]


def _place(pin: Pin) -> tuple[int, str]:
    return SECTIONS.index(pin.section), pin.name
