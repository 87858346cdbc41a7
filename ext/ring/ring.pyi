from typing_extensions import disjoint_base

@disjoint_base
class _Mapping:
    @property
    def capacity(self) -> int:
        """Bytes for records, each of which takes its length and 24, rounded up to 8."""
    @property
    def next(self) -> int:
        """The sequence the next record will get; how many there have ever been."""
    @property
    def oldest(self) -> int:
        """The sequence of the oldest record still here; `next` if there is none."""
    def close(self) -> None:
        """Unmap, at once; any later use raises ValueError."""

@disjoint_base
class Ring(_Mapping):
    """The one writer. The memfd may be given to others, for reading now or for writing after this one's death."""

    @staticmethod
    def create(name: str, capacity: int) -> Ring:
        """An empty ring in a new memfd sealed in size; capacity is a power of two from 4096."""
    @staticmethod
    def attach(fd: int) -> Ring:
        """Continue what an earlier writer left, in the middle of whatever it was; the fd is duplicated. ValueError if
        it is no ring or its records do not chain."""
    def append(self, record: bytes) -> int:
        """Write one record, dropping the oldest to make room; its sequence."""
    def drain(self, fd: int) -> int:
        """Take bytes of a pipe and append every whole line of them with its newline; bytes taken, 0 at the pipe's end.
        Bytes are taken once and kept, wherever the writer dies. OSError, BlockingIOError among them, is read(2)'s."""
    def flush(self) -> int:
        """Append what drain holds back for want of a newline; records made."""
    def fileno(self) -> int: ...

@disjoint_base
class Reader(_Mapping):
    """A place in a ring. The fd may be read-only and may be closed afterwards."""

    def __init__(self, fd: int, start: int | None = None) -> None:
        """Stand at sequence `start` (one already gone counts as lost), at the end if that lies ahead, at the oldest if
        None."""
    @property
    def sequence(self) -> int:
        """The sequence expected next."""
    @property
    def lost(self) -> int:
        """Records that were overwritten before this reader came to them."""
    def read(self, limit: int) -> list[tuple[int, int, bytes]]:
        """Up to `limit` bytes of records but at least one if there is any: (sequence, Unix time in ns, bytes) each."""
    def joined(self, limit: int) -> bytes:
        """The same records as `read`, their bytes in a row; none only if there is nothing but empty ones."""
