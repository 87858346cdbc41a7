"""The files of a node's control groups, out of a copy of /sys/fs/cgroup: for each group what its files say, of cgroup2
or of cgroup v1 with the unified hierarchy beside it, which then has the last word."""

import tarfile
from typing import IO, Final

from core.base.errors import Invalid

ROOT: Final = "/sys/fs/cgroup"
LARGEST: Final = 1 << 20  # bytes of a file; those of the kernel's are smaller
_UNIFIED: Final = "unified"
Groups = dict[str, dict[str, str]]


def read(stream: IO[bytes]) -> Groups:
    """Group ("" is the root, then "system/apid") -> file -> text, parents first. Raises Invalid."""
    found: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|gz") as archive:
            for member in archive:
                source = archive.extractfile(member) if member.isreg() else None
                if source is not None:
                    found[member.name.removeprefix("./")] = source.read(LARGEST).decode(errors="replace")
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise Invalid(f"the archive is broken: {error}") from error
    return _grouped(found)


def _grouped(files: dict[str, str]) -> Groups:
    hybrid = not any("/" not in path for path in files)  # the root has hierarchies and no files
    groups: Groups = {}
    for path in sorted(files, key=lambda path: (path.startswith(f"{_UNIFIED}/"), path)):
        folder, _, name = path.rpartition("/")
        group = folder.partition("/")[2] if hybrid else folder
        groups.setdefault(group, {})[name] = files[path]
    return dict(sorted(groups.items(), key=lambda item: item[0].split("/")))
