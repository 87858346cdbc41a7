"""The image that this node runs: the device or file with its bytes, and where in them its hash tree lies. A machine has
it from device-mapper's table, a container node from the footer of the file that its provisioner put before it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.base.errors import Invalid, NotFound
from core.codec import bundle
from core.linux import disk, dm
from core.linux.capabilities import Capabilities

DEVICE: Final = "ichor-root"
GIVEN: Final = Path("run/ichor/image")


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the image and the kernel are looked at."""

    root: Path = Path("/")
    sys: Path = Path("/sys")
    dev: Path = Path("/dev")
    proc: Path = Path("/proc")


@dataclass(frozen=True, slots=True)
class Image:
    """`path` holds the data, the tree right behind it, and the footer. `guarded`: the kernel checks each block read."""

    path: Path
    footer: bundle.Footer
    guarded: bool


def running(capabilities: Capabilities, ground: Ground) -> Image:
    """The image of this node's root. Raises NotFound where nobody says, Invalid for a footer that is none, OSError."""
    if not capabilities.block:
        path = ground.root / GIVEN
        if not path.exists():
            raise NotFound("this node was not given its image's file", remedy="create it anew with this release")
        return Image(path, _footer(path), guarded=False)
    path, root_hash = _mapped(capabilities, ground)
    footer = _footer(path)
    if footer.root_hash.hex() != root_hash:
        raise Invalid(f"{path} is not the image that runs: its footer has another root hash")
    return Image(path, footer, guarded=True)


def _mapped(capabilities: Capabilities, ground: Ground) -> tuple[Path, str]:
    if not capabilities.device_mapper:
        raise NotFound("this node's root is no device of device-mapper's")
    control = os.open(ground.dev / "mapper/control", os.O_RDWR | os.O_CLOEXEC)
    try:
        table = dm.verity(control, DEVICE) if DEVICE in dm.names(ground.sys).values() else None
    finally:
        os.close(control)
    if table is None:
        raise NotFound("this node's root is no device of dm-verity's")
    name = (ground.sys / "dev/block" / table.data_device).resolve().name
    return ground.dev / name, table.root_hash


def _footer(path: Path) -> bundle.Footer:
    with disk.opened(path) as fd:
        start = os.pread(fd, bundle.SUPERBLOCK, 0)
        return bundle.decode(os.pread(fd, bundle.BLOCK, bundle.footer_offset(start)))[0]
