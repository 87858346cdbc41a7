"""What a node wrote down about its own way into etcd and out of it: one value in one file, whole or absent after a
crash.

It owns what neither etcd nor the data folder could tell a node that was killed: what it was asked to do, and what it
promised. A step is written before it is taken; whether it was taken is asked of etcd and of the folder, never of this
file. Refuses to go from a stage to one that does not follow it (`_AFTER`)."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from core.base.errors import Conflict, Invalid
from core.base.files import sync_folder, write_atomic


class Stage(StrEnum):
    """Where a node stands. Those from `JOINING` on have, or are about to have, a place in a cluster."""

    FREE = "free"
    PROMISED = "promised"  # another's bootstrap, `token` of `owner`, is not to be disturbed
    CLAIMING = "claiming"  # the others are asked to let this node bootstrap
    RESTORING = "restoring"  # data are made of a snapshot for a cluster named `token`
    RESTORED = "restored"  # they are whole, and to be put where etcd looks for them
    BOOTSTRAP = "bootstrap"  # etcd is to begin a cluster named `token`
    JOINING = "joining"  # a learner is to be added, or was
    MEMBER = "member"  # of `cluster`, as `member`
    LEAVING = "leaving"  # leadership and membership are to be given up
    REMOVED = "removed"  # the data are to be wiped


_AFTER: Final[dict[Stage, frozenset[Stage]]] = {
    Stage.FREE: frozenset({Stage.PROMISED, Stage.CLAIMING, Stage.JOINING, Stage.MEMBER, Stage.LEAVING, Stage.REMOVED}),
    Stage.PROMISED: frozenset({Stage.FREE, Stage.JOINING, Stage.MEMBER}),
    Stage.CLAIMING: frozenset({Stage.FREE, Stage.RESTORING, Stage.BOOTSTRAP}),
    Stage.RESTORING: frozenset({Stage.RESTORED, Stage.FREE, Stage.MEMBER}),
    Stage.RESTORED: frozenset({Stage.BOOTSTRAP}),
    Stage.BOOTSTRAP: frozenset({Stage.MEMBER}),
    Stage.JOINING: frozenset({Stage.FREE, Stage.MEMBER, Stage.LEAVING, Stage.REMOVED}),
    Stage.MEMBER: frozenset({Stage.FREE, Stage.JOINING, Stage.LEAVING, Stage.RESTORING, Stage.REMOVED}),
    Stage.LEAVING: frozenset({Stage.MEMBER, Stage.REMOVED}),
    Stage.REMOVED: frozenset({Stage.FREE}),
}


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stage and what belongs to it. `source` is the snapshot to restore, or "" for the node's own data; `trusted`
    that its hash is not to be checked."""

    stage: Stage = Stage.FREE
    token: str = ""
    owner: str = ""
    cluster: int = 0
    member: int = 0
    source: str = ""
    trusted: bool = False


class Journal:
    """The file, and those who wait for what is written into it. One of a node, on one loop. `found` is what an earlier
    process left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entry = self.found = _read(path)
        self._changed = asyncio.Event()

    @property
    def entry(self) -> Entry:
        """What was written last."""
        return self._entry

    def write(self, entry: Entry) -> None:
        """Durable on return. Raises Conflict for a stage that cannot follow, OSError when the disk refuses."""
        if entry == self._entry:
            return
        if entry.stage is not self._entry.stage and entry.stage not in _AFTER[self._entry.stage]:
            raise Conflict(f"etcd on this node is {self._entry.stage}, which {entry.stage} does not follow")
        if entry.stage is Stage.FREE:
            self._path.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        else:
            write_atomic(self._path, msgspec.json.encode(entry))
        self._entry = entry
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, fits: Callable[[Entry], bool]) -> Entry:
        """Return as soon as what is written last fits."""
        while not fits(self._entry):
            await self._changed.wait()
        return self._entry


def _read(path: Path) -> Entry:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Entry)
    except FileNotFoundError:
        return Entry()
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Invalid(f"{path}: {error}", remedy="reset the node: it joins etcd anew") from error
