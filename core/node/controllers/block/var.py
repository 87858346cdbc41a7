"""What /var holds on every node from the start: folders with the modes that their users expect. Adds what is missing,
changes nobody's content."""

from pathlib import Path
from typing import Final

PATH: Final = "/var"
_FOLDERS: Final = (
    ("log", 0o755),
    ("log/audit", 0o700),
    ("log/containers", 0o755),
    ("log/pods", 0o755),
    ("lib", 0o700),
    ("lib/cni", 0o700),
    ("lib/containerd", 0o700),
    ("lib/kubelet", 0o700),
    ("lib/kubelet/seccomp", 0o700),
    ("lib/kubelet/seccomp/profiles", 0o700),
    ("mnt", 0o755),
    ("tmp", 0o1777),
)


def lay_out(var: Path) -> None:
    """Make the folders, and `run` as the link to /run that old programs look for."""
    for name, mode in _FOLDERS:
        folder = var / name
        if not folder.is_dir():
            folder.mkdir()
            # mkdir's mode is cut by the umask
            folder.chmod(mode)
    run = var / "run"
    if not run.is_symlink() and not run.exists():
        run.symlink_to("/run")
