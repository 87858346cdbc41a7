"""This node's own end of etcd: its name, its journal, its data folder. Owns what makes a folder data and what makes it
none, each in one rename, so that what is half deleted or half restored is never taken for data. Calls nobody."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.base.files import sync_folder
from core.cluster.etcd.journal import Journal
from core.cluster.etcd.membership import Me

MEMBER: Final = "member"  # where etcd keeps everything, below its data folder
GONE: Final = "gone"
RESTORING: Final = "restoring"


@dataclass(frozen=True, slots=True)
class Local:
    """`data` is etcd's data folder as this process sees it; it may be a mount point, so only what is in it moves."""

    me: Me
    journal: Journal
    data: Path

    @property
    def has_data(self) -> bool:
        """A member, or what was one, is in the folder: as etcd sees it, which makes its log first, in one rename."""
        return any((self.data / MEMBER / "wal").glob("*.wal"))

    @property
    def restoring(self) -> Path:
        """Where a snapshot is restored to."""
        return self.data / RESTORING

    @property
    def database(self) -> Path:
        """The member's database, readable by others while etcd is stopped."""
        return self.data / MEMBER / "snap" / "db"

    def wipe(self) -> None:
        """Have no data. Only while etcd does not run."""
        self.sweep()
        if (self.data / MEMBER).exists():
            (self.data / MEMBER).rename(self.data / GONE)
            sync_folder(self.data)
            self.sweep()

    def sweep(self) -> None:
        """Delete what an earlier wipe or replacement left."""
        if (self.data / GONE).exists():
            shutil.rmtree(self.data / GONE)

    def replace(self) -> None:
        """Put restored data where etcd looks for them; what was there is gone. Does nothing the second time."""
        if (self.restoring / MEMBER).exists():
            self.wipe()
            (self.restoring / MEMBER).rename(self.data / MEMBER)
            sync_folder(self.data)
        self.unrestore()

    def unrestore(self) -> None:
        """Drop what was restored, whole or not."""
        if self.restoring.exists():
            shutil.rmtree(self.restoring)
