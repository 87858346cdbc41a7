"""Mounts, write-back, memory files."""

from ext.sys._sys import ffi, lib
from ext.sys.failure import check, text


def mount(source: str | None, target: str, kind: str | None, flags: int = 0, options: str | None = None) -> None:
    """mount(2)."""
    result = lib.mount(text(source), text(target), text(kind), flags, text(options))
    check(result, f"mount {kind or source or ''}".rstrip(), target)


def umount2(target: str, flags: int = 0) -> None:
    """umount2(2)."""
    check(lib.umount2(text(target), flags), "umount", target)


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2)."""
    check(lib.ichor_pivot_root(text(new_root), text(put_old)), "pivot_root", new_root)


def syncfs(fd: int) -> None:
    """Write back the file system that holds `fd`."""
    check(lib.syncfs(fd), "syncfs")


def memfd_create(name: str, flags: int) -> int:
    """A file in memory; the caller owns the descriptor."""
    return check(lib.memfd_create(text(name), flags), "memfd_create", name)


def seal(fd: int, seals: int) -> None:
    """Add seals (F_SEAL_*) to a memory file."""
    check(lib.ichor_seal(fd, seals), "seal")


def klogctl(kind: int, length: int = 0) -> bytes:
    """syslog(2): action `kind` with room for `length` bytes; what it read, empty for actions that read nothing."""
    buffer = ffi.new("char[]", max(length, 1))
    got = check(lib.klogctl(kind, buffer, length), "klogctl")
    return bytes(ffi.buffer(buffer, min(got, length)))
