"""The build root: a folder of the release the image is made from, with its compiler, interpreter and tools, all pinned.
Everything whose version could change the image's bytes runs in there: gcc, strip, depmod, mksquashfs, zstd, Python."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from core.image.cache import Cache, digest
from core.image.lock import Lock
from core.image.packages import Store
from core.image.tools import run

MERGED: Final = ("bin", "sbin", "lib", "lib64")
TOOLS: Final = "opt/tools"
_ENV: Final = {
    "PATH": "/usr/sbin:/usr/bin",
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONPATH": f"/{TOOLS}",
}
_ENTER: Final = """
root=$1; shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs tmp "$root/tmp"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; shift 2; done
shift
exec chroot "$root" /usr/bin/env -C "$WORK" "$@"
"""


class Root:
    """A build root at `path`; its name is the hash of what it was made from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    def run(
        self,
        argv: Sequence[str],
        binds: Mapping[str, Path],
        *,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> bytes:
        """A program's output, run inside with folders bound below /mnt (`{"src": folder}` at /mnt/src), in a mount
        namespace of its own. The root itself is read-only: what one run leaves, bytecode for one, may change what the
        next one makes. Raises ToolFailed."""
        unshare = ["unshare", "--mount", "--propagation=private", *(["--map-root-user"] if os.geteuid() else [])]
        for name in binds:
            (self.path / "mnt" / name).mkdir(parents=True, exist_ok=True)
        bound = [part for name, folder in binds.items() for part in (str(folder), f"/mnt/{name}")]
        command = [*unshare, "sh", "-euc", _ENTER, "enter", str(self.path), *bound, "--", *argv]
        return run(command, env={**_ENV, "WORK": cwd, **(env or {})}, data=data)


def make(cache: Cache, store: Store, lock: Lock) -> Root:
    """The root of this lock, unpacked once."""
    pins, tools = lock.section("root"), lock.section("tool")

    def fill(folder: Path) -> None:
        for name in MERGED:
            (folder / "usr" / name).mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(f"usr/{name}")
        for name in ("dev", "proc", "tmp", TOOLS):
            (folder / name).mkdir(parents=True, exist_ok=True)
        store.fetch(pins)
        store.fetch_wheels(tools)
        for pin in pins:
            store.unpack_into(pin, folder)
        for pin in tools:
            store.unpack_wheel_into(pin, folder / TOOLS)

    return Root(cache.step("root", digest(str(p) + p.sha256 for p in (*pins, *tools)), fill, keep=2))
