"""The end of the node and how it began: asks init to end everything, reads why the last boot ended. Owns no sequence;
what has to stop first is lifecycle's."""

from pathlib import Path
from typing import Final

from core.base.files import sync_folder
from core.linux.init import Action, Init

__all__ = ["Action", "boot_id", "end", "last_reason"]

REASON: Final = Path("system/state/last-reboot")


def end(init: Init, action: Action, reason: str = "") -> None:
    """Hand over to init, which kills, writes back and calls reboot(2). Returns at once; this process ends soon."""
    init.power(action, reason)


def boot_id(root: Path = Path("/")) -> str:
    """The kernel's random id of this boot; a container node's own."""
    return (root / "proc/sys/kernel/random/boot_id").read_text().strip()


def last_reason(root: Path = Path("/")) -> str | None:
    """Why init ended the last boot, told once: the record is removed. None when nothing was recorded."""
    path = root / REASON
    try:
        reason = path.read_text(errors="replace")
    except FileNotFoundError:
        return None
    path.unlink()
    sync_folder(path.parent)
    return reason
