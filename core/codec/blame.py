"""Whose a bad block of the image is, told by the file system's own tables, which may be what is bad. Opens nothing and
logs nothing."""

from collections.abc import Callable, Sequence
from typing import Final

from core.base.errors import IchorError, Invalid, Unsupported
from core.codec import bundle, squashfs

# files named in a line of text
_SHOWN: Final = 8


def owners(read: squashfs.Read, block: int, trouble: Callable[[IchorError | OSError], object]) -> list[str]:
    """Whose block `block` of the image's data is: paths of files, names of tables. Where the tables cannot be read,
    `trouble` hears why, the bad one of them is told from the superblock, and nothing of a file."""
    for part in (squashfs.layout, _tables_alone):
        try:
            return part(read).owners(block * bundle.BLOCK, bundle.BLOCK)
        except (OSError, Invalid, Unsupported) as error:
            trouble(error)
    return _told(squashfs.Table("superblock", 0, bundle.SUPERBLOCK)).owners(block * bundle.BLOCK, bundle.BLOCK)


def named(owners: Sequence[str]) -> str:
    """The same for a line of text; a block of small files may have many."""
    files = [name for name in owners if name.startswith("/")]
    more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    parts = [f"{'file' if len(files) == 1 else 'files'} {', '.join(files[:_SHOWN])}{more}"] if files else []
    return "".join(f", {part}" for part in (*parts, *(name for name in owners if not name.startswith("/"))))


def _tables_alone(read: squashfs.Read) -> squashfs.Layout:
    return _told(*squashfs.tables(read))


def _told(*tables: squashfs.Table) -> squashfs.Layout:
    return squashfs.Layout((), (), tables)
