"""One member of an archive, the same for cpio and tar: a name without leading slash, a mode with its file type, and
what it holds. Owns no bytes on disk and opens nothing."""

import stat

import msgspec


class Member(msgspec.Struct, frozen=True):
    """A file, folder, symbolic link or device; `data` is a file's content, `target` where a link points."""

    name: str
    mode: int
    data: bytes = b""
    target: str = ""
    mtime: int = 0
    uid: int = 0
    gid: int = 0
    rdev: tuple[int, int] = (0, 0)

    @classmethod
    def file(cls, name: str, data: bytes, mode: int = 0o644) -> "Member":
        return cls(name, stat.S_IFREG | mode, data)

    @classmethod
    def folder(cls, name: str, mode: int = 0o755) -> "Member":
        return cls(name, stat.S_IFDIR | mode)

    @classmethod
    def link(cls, name: str, target: str) -> "Member":
        return cls(name, stat.S_IFLNK | 0o777, target=target)

    @classmethod
    def device(cls, name: str, major: int, minor: int, mode: int = 0o600) -> "Member":
        return cls(name, stat.S_IFCHR | mode, rdev=(major, minor))
