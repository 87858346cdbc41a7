"""One writer at a time: a lock on the whole home while clusters are made or destroyed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from core.provision.places import Places


@contextmanager
def exclusive(places: Places) -> Iterator[None]:
    """Hold the lock; waits for whoever has it. The kernel gives it back when the holder dies."""
    places.home.mkdir(parents=True, exist_ok=True)
    fd = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
