"""The node's own files on STATE: its config, with the last good one beside it, and its identity. Every write is whole
or absent after a crash. What the config means is the caller's: it brings the function that accepts or refuses it."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from core.base.errors import IchorError, Invalid
from core.base.files import sync_folder, write_atomic

T = TypeVar("T")
CONFIG: Final = "config.yaml"
IDENTITY: Final = "node-identity.yaml"
IDENTITY_BYTES: Final = 32
LARGEST: Final = 16 << 20
"""Bytes of a config: no larger one is read as YAML, so that a damaged file cannot fill the memory."""
_IDENTITY: Final = re.compile(r'nodeId: "?([0-9A-Za-z]{16,64})"?\s*')


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A config read back: its bytes, what `parse` made of them, and why newer files were passed over."""

    data: bytes
    value: T
    problems: tuple[str, ...] = ()


class StateFiles:
    """The files in `folder` (STATE's mount point, or a container node's folder)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save_config(self, data: bytes, parse: Callable[[bytes], object]) -> None:
        """Replace the config; what was there becomes the one to fall back to, if `parse` accepts it. Raises OSError."""
        path = self._folder / CONFIG
        write_atomic(path, data, keep_previous=_accepted(path, parse) not in (None, data))

    def load_config(self, parse: Callable[[bytes], T]) -> Stored[T] | None:
        """The newest config that `parse` accepts; None when there is none at all.

        Falls back to the previous file when the newest is unreadable, empty or refused. Raises Invalid when files are
        there and none is good, so that a node with damaged state never takes itself for a new one.
        """
        problems: list[str] = []
        for name in (CONFIG, f"{CONFIG}.previous"):
            path = self._folder / name
            try:
                data = _read(path)
                return Stored(data, parse(data), tuple(problems))
            except FileNotFoundError:
                continue
            except (IchorError, OSError, ExceptionGroup) as error:
                problems.append(f"{path}: {error}")
        if problems:
            remedy = "put a good one there from outside, or wipe STATE"
            raise Invalid("no stored config is good: " + "; ".join(problems), remedy=remedy)
        return None

    def drop_config(self) -> None:
        """Remove the config and what it would fall back to."""
        for name in (CONFIG, f"{CONFIG}.previous"):
            (self._folder / name).unlink(missing_ok=True)
        sync_folder(self._folder)

    def identity(self, encode: Callable[[bytes], str]) -> str:
        """The node's id, made of IDENTITY_BYTES random bytes by `encode` the first time and the same ever after."""
        path = self._folder / IDENTITY
        if path.exists():
            match = _IDENTITY.fullmatch(path.read_text(errors="replace"))
            if match is None:
                raise Invalid(f"{path} does not hold a node id", remedy="reset STATE to make a new one")
            return match[1]
        made = encode(os.urandom(IDENTITY_BYTES))
        write_atomic(path, f"nodeId: {made}\n".encode())
        return made


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Invalid(f"larger than {LARGEST} bytes")
    if not data.strip(b"\0 \t\r\n"):
        raise Invalid("empty")
    return data


def _accepted(path: Path, parse: Callable[[bytes], object]) -> bytes | None:
    """What the file holds, if that is good."""
    try:
        data = _read(path)
        parse(data)
    except (IchorError, OSError, ExceptionGroup):
        return None
    return data
