"""What a build keeps between runs: folders named by the hash of all that went into them. A step's folder is whole or
absent, is never changed once made, and may be deleted at any time."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core.base.files import sync_folder

_KEEP: Final = 24


def silent(_: str) -> None:
    """For those whom progress does not concern."""


class Cache:
    """The cache's folder; `step` makes or finds, `digest` names. `say` hears of each kind of step that is made."""

    def __init__(self, folder: Path, say: Callable[[str], None] = silent) -> None:
        self.folder, self.say = folder, say
        self._said = set[str]()
        folder.mkdir(parents=True, exist_ok=True)

    def step(self, kind: str, key: str, make: Callable[[Path], None], *, keep: int = _KEEP) -> Path:
        """The folder `kind/key`, filled by `make` on an empty folder unless it exists. Who wants the same step waits,
        other steps go on; of each kind the `keep` most recently used stay."""
        shelf = self.folder / kind
        target = shelf / key
        if not target.is_dir():
            shelf.mkdir(exist_ok=True)
            with _held(shelf / f"{key}.lock") as lock:
                if not target.is_dir():
                    self._make(target, make)
                lock.unlink(missing_ok=True)
            with _held(shelf / ".lock"):
                _prune(shelf, keep)
        os.utime(target)
        return target

    def _make(self, target: Path, make: Callable[[Path], None]) -> None:
        if target.parent.name not in self._said:
            self._said.add(target.parent.name)
            self.say(f"image: making {target.parent.name}")
        partial = target.with_name(f"{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            make(partial)
            os.utime(partial)
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        sync_folder(target.parent)


def digest(parts: Iterable[bytes | str]) -> str:
    """One name for a sequence of values, unambiguous where they meet."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        total.update(b"%d:" % len(raw) + raw)
    return total.hexdigest()[:32]


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest(root: Path, paths: Iterable[Path]) -> str:
    """One name for the contents of files, with their paths below `root`."""
    return digest(part for path in sorted(paths) for part in (str(path.relative_to(root)), path.read_bytes()))


@contextmanager
def _held(lock: Path) -> Iterator[Path]:
    """Alone with a lock file, among threads and processes. Once the step is there the file may go: who waited for it or
    makes a new one finds the step."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield lock


def _prune(shelf: Path, keep: int) -> None:
    """What is being made stays."""
    whole = (p for p in shelf.iterdir() if p.is_dir() and p.suffix != ".partial")
    folders = sorted(whole, key=lambda p: p.stat().st_mtime, reverse=True)
    for old in folders[keep:]:
        shutil.rmtree(old)
