"""Whether anything lives in a group, and waiting until nothing does, by the kernel's own notice on cgroup.events."""

import asyncio
import os
import select
from pathlib import Path


def populated(folder: Path) -> bool:
    """Whether a process lives in the cgroup2 folder or below; a folder that is gone holds none."""
    try:
        return "populated 1" in (folder / "cgroup.events").read_text()
    except FileNotFoundError:
        return False


async def emptied(folder: Path) -> None:
    """Return when nothing lives there. The file is always readable, so a loop cannot wait on it: an epoll of its own
    turns its POLLPRI into readability."""
    try:
        events = os.open(folder / "cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    with os.fdopen(events), select.epoll() as notice:
        notice.register(events, select.EPOLLPRI | select.EPOLLET)
        loop.add_reader(notice.fileno(), changed.set)
        try:
            while b"populated 1" in os.pread(events, 4096, 0):
                await changed.wait()
                changed.clear()
                notice.poll(0)
        finally:
            loop.remove_reader(notice.fileno())
