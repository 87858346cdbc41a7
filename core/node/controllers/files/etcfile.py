"""EtcFileSpec -> files -> EtcFileStatus. The image's /etc is read-only and points into this folder; a file is whole or
absent for whoever reads it, and goes with its spec, as do folders that only it was in."""

from pathlib import Path, PurePosixPath
from typing import Final

from core.base.errors import Invalid
from core.base.files import write_atomic
from core.node.resources.files import EtcFileSpec, EtcFileStatus
from core.state import Controller, Resource, Scope, apply

FOLDER: Final = Path("/run/etc")


def etc_files(folder: Path = FOLDER) -> Controller:
    """Writes what differs below `folder`."""

    async def effect(resource: Resource[EtcFileSpec], _: Scope) -> None:
        path, spec = _path(folder, resource.md.id), resource.spec
        if path.is_file() and path.read_bytes() == spec.contents and path.stat().st_mode & 0o7777 == spec.mode:
            return
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_atomic(path, spec.contents, mode=spec.mode)

    async def undo(resource: Resource[EtcFileSpec], _: Scope) -> None:
        path = _path(folder, resource.md.id)
        path.unlink(missing_ok=True)
        for parent in path.parents[: len(PurePosixPath(resource.md.id).parts) - 1]:
            if not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()

    status = (EtcFileStatus, lambda resource: EtcFileStatus(spec_version=str(resource.md.version)))
    return apply("files.EtcFileController", EtcFileSpec, effect, undo, status=status)


def _path(folder: Path, name: str) -> Path:
    """Where the file of this id is. Raises Invalid for one that would lie elsewhere."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise Invalid(f"{name!r} is not a path below /etc")
    return folder.joinpath(*parts)
