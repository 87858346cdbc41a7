"""The line of spawners: each leaves its name with init, by which the next one finds in init's journal how it ended and
can tell machined. Owns that one name in init's table."""

import os
import signal

from core.linux.init import Init
from daemons.context import NEWS
from ext import reap
from ext import sys as kernel

NAME = "spawner"
UNKNOWN = signal.SIGKILL  # init's journal holds 4096 exits; what fell out of it is told as if killed


class Line:
    """This spawner (`present`) and the one before it: `end` is the news of how that ended, until `told`."""

    def __init__(self, init: Init) -> None:
        self._init = init
        pid, start = os.getpid(), reap.start_time(os.getpid())
        self.name = f"{NAME}.{NAME}.{pid}.{start}"
        self.present = _news(pid, start, -1, fresh=True)
        self.end: bytes | None = None

    def succeed(self) -> None:
        """Take the place of whoever is named there; a spawner that re-executed itself follows nobody."""
        for name in self._init.names():
            if name.startswith(f"{NAME}.{NAME}.") and name != self.name:
                pid, start = map(int, name.split(".")[2:])
                exit_ = self._init.exit_of(pid, start)
                self.end = _news(pid, start, exit_.status if exit_ else int(UNKNOWN), fresh=False)
                self._init.drop(name)
        handle = kernel.pidfd_open(os.getpid())
        self._init.put(self.name, handle)
        os.close(handle)

    def told(self) -> None:
        """machined knows of the end."""
        self.end = None


def _news(pid: int, start: int, status: int, *, fresh: bool) -> bytes:
    return NEWS.pack(NAME.encode(), pid, start, status, fresh)
