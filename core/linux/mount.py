"""Mounting: thin verbs over mount(2) and the table of what is mounted. Every failure is an OSError with operation and
target. Owns no list of mounts; who mounted it unmounts it."""

import enum
import os
from dataclasses import dataclass
from pathlib import Path

from ext import sys as kernel


class MS(enum.IntFlag):
    """Flags of mount(2)."""

    RDONLY = kernel.MS_RDONLY
    NOSUID = kernel.MS_NOSUID
    NODEV = kernel.MS_NODEV
    NOEXEC = kernel.MS_NOEXEC
    REMOUNT = kernel.MS_REMOUNT
    NOATIME = kernel.MS_NOATIME
    RELATIME = kernel.MS_RELATIME
    BIND = kernel.MS_BIND
    MOVE = kernel.MS_MOVE
    REC = kernel.MS_REC
    PRIVATE = kernel.MS_PRIVATE
    SLAVE = kernel.MS_SLAVE
    SHARED = kernel.MS_SHARED


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of mountinfo: `options` are the mount's, `super_options` the file system's; `root` what of it is seen."""

    id: int
    parent: int
    device: str
    root: str
    target: str
    options: str
    propagation: str
    type: str
    source: str
    super_options: str


def mount(
    source: str | Path | None, target: str | Path, kind: str | None, flags: int = 0, options: str | None = None
) -> None:
    """Mount `source` as file system `kind` on `target`."""
    kernel.mount(None if source is None else os.fspath(source), os.fspath(target), kind, flags, options)


def bind(source: str | Path, target: str | Path, flags: int = 0, *, recursive: bool = False) -> None:
    """Show `source` at `target` too. The kernel takes flags of a bind only in a second step."""
    mount(source, target, None, MS.BIND | (MS.REC if recursive else 0))
    if flags:
        mount(None, target, None, MS.BIND | MS.REMOUNT | flags)


def umount(target: str | Path, *, lazy: bool = False) -> None:
    """Unmount; `lazy` detaches now and ends when the last user lets go. Never follows a symlink."""
    kernel.umount2(os.fspath(target), kernel.UMOUNT_NOFOLLOW | (kernel.MNT_DETACH if lazy else 0))


def umount_below(target: str | Path, *, lazy: bool = False) -> None:
    """Unmount all that is mounted below `target`, what was mounted last first. Raises OSError (EBUSY)."""
    for mounted in reversed(mounts()):
        if mounted.target.startswith(f"{target}/"):
            umount(mounted.target, lazy=lazy)


def move_root(root: str | Path) -> None:
    """Make the mount at `root` the root of the caller's mount namespace and let go of the old one."""
    os.chdir(root)
    kernel.pivot_root(".", ".")  # pivot_root(2): the old root ends stacked over the new, so "." is the old one
    kernel.umount2(".", kernel.MNT_DETACH)
    os.chdir("/")


def mounts(table: str | Path = "/proc/self/mountinfo") -> list[Mount]:
    """What is mounted, in order of mounting."""
    return [_line(line) for line in Path(table).read_text(errors="surrogateescape").splitlines()]


def _line(line: str) -> Mount:
    mount_part, _, file_system = line.partition(" - ")
    number, parent, device, root, target, options, *tags = mount_part.split(" ")
    kind, source, super_options = file_system.split(" ", 2)
    return Mount(
        int(number),
        int(parent),
        device,
        _unescape(root),
        _unescape(target),
        options,
        " ".join(tags),
        kind,
        _unescape(source),
        super_options,
    )


def _unescape(field: str) -> str:
    # the kernel writes space, tab, newline and backslash as three octal digits (seq_path)
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(octal, character)
    return field
