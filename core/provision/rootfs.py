"""The image as a mounted tree: checked, then mounted read-only once for all clusters that use it. Owns the mounts under
`<home>/images/`; refuses an image whose signature or hash tree does not hold."""

import hashlib
import subprocess
from pathlib import Path
from typing import Final

from core.base.errors import Conflict, IchorError
from core.provision import model
from core.provision.places import Places

HELD: Final = "ichor.img"


def mount(places: Places, image: Path, sha256: str) -> Path:
    """The folder at which the image of that digest, which was verified, is mounted; mounts it if it is not. Raises
    Conflict if the file is another by now."""
    folder = places.images / sha256
    root = folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    if not root.is_mount():
        # a copy of its own, so that a rebuild never changes the blocks under a running node
        file = held(root)
        if not file.exists():
            copy = folder / f"{HELD}.new"
            _run("cp", "--reflink=auto", str(image), str(copy))
            if digest(copy) != sha256:
                raise Conflict(
                    f"{image} has changed since it was checked", remedy="destroy the cluster, create it anew"
                )
            copy.replace(file)
        _run("mount", "-t", "squashfs", "-o", "loop,ro,nodev,nosuid", str(file), str(root))
    return root


def held(root: Path) -> Path:
    """The file that is mounted at `root`."""
    return root.with_name(HELD)


def digest(path: Path) -> str:
    """The file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def release(places: Places) -> None:
    """Unmount and forget every image that no recorded cluster uses."""
    used = {model.load(places, name).image_sha256 for name in model.names(places)}
    for folder in sorted(places.images.glob("*")) if places.images.exists() else ():
        if folder.name not in used:
            root = folder / "root"
            if root.is_mount():
                _run("umount", str(root))
            if root.exists():
                root.rmdir()
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
    for empty in (places.images, places.clusters):
        if empty.exists() and not any(empty.iterdir()):
            empty.rmdir()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise IchorError(f"{' '.join(command)}: {done.stderr.strip()}")
