"""META on its medium: the 1 MiB partition of the system disk, or a container node's file of the same size. Owns how a
write survives a crash: the first copy is on the medium before the second is touched, so that one is always whole. What
the keys mean is not known here."""

import os
from pathlib import Path

from core.codec import meta


class Meta:
    """The values behind one open medium. Reads once; every change is written through before it counts."""

    def __init__(self, path: Path) -> None:
        """Open and read. A container's file that is too short is stretched. Raises OSError."""
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if path.is_file() and os.fstat(self._fd).st_size < meta.PARTITION_SIZE:
                os.ftruncate(self._fd, meta.PARTITION_SIZE)
            data = os.pread(self._fd, meta.PARTITION_SIZE, 0)
            self._values = meta.decode(data)
            self._intact = meta.intact(data)
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def values(self) -> dict[int, bytes]:
        """All values by key; a copy."""
        return dict(self._values)

    def set(self, key: int, value: bytes) -> None:
        """Keep `value` under `key`. Raises Invalid, Exhausted, OSError; then the old values hold."""
        self._write({**self._values, key: value})

    def delete(self, key: int) -> bool:
        """Forget `key`; whether it was there."""
        if key not in self._values:
            return False
        self._write({k: v for k, v in self._values.items() if k != key})
        return True

    def mend(self) -> bool:
        """Write both copies anew if they do not agree (a write was torn, or only the old format was there)."""
        if self._intact:
            return False
        self._write(self._values)
        return True

    def close(self) -> None:
        """Give up the medium."""
        os.close(self._fd)

    def _write(self, values: dict[int, bytes]) -> None:
        copy = meta.encode(values)
        for offset in (0, meta.COPY_SIZE):
            view = memoryview(copy)
            while view:
                written = os.pwrite(self._fd, view, offset + len(copy) - len(view))
                view = view[written:]
            os.fsync(self._fd)
        self._values, self._intact = dict(values), True


def blank(fd: int) -> None:
    """Lay out an empty META on a new partition: both copies, no keys."""
    copy = meta.encode({})
    os.pwrite(fd, copy + copy, 0)
    os.fsync(fd)
