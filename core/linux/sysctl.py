"""Kernel parameters: files below /proc/sys and /sys by dotted names. Which of them a node may write is asked of the
capabilities table: what no namespace holds belongs to the machine, and in a container that is not ours."""

from pathlib import Path, PurePosixPath
from typing import Final

from core.base.errors import Invalid, Unsupported
from core.linux.capabilities import Capabilities

ROOT: Final = Path("/")
# the kernel shows a network namespace those of net alone that are its own
_NAMESPACED: Final = ("proc", "sys", "net")


def path_of(name: str, root: Path = ROOT) -> Path:
    """The file of "proc.sys.net.ipv4.ip_forward"; as in sysctl(8), a name whose first separator is a slash keeps
    its dots ("proc/sys/net/ipv4/conf/eth0.1/forwarding"). Raises Invalid for a name that leads elsewhere."""
    slash, dot = name.find("/"), name.find(".")
    dotted = dot >= 0 and (slash < 0 or dot < slash)
    # in a dotted name a slash stands for a dot within a part
    parts = [part.replace("/", ".") for part in name.split(".")] if dotted else name.split("/")
    if parts[:2] != ["proc", "sys"] and parts[:1] != ["sys"]:
        raise Invalid(f"{name!r} is not a kernel parameter", remedy="start it with proc.sys. or sys.")
    if any(part in ("", ".", "..") for part in parts):
        raise Invalid(f"{name!r} is not a kernel parameter")
    return root.joinpath(*parts)


def allowed(name: str, capabilities: Capabilities) -> bool:
    """Whether this node may write it."""
    parts = PurePosixPath(path_of(name, Path())).parts
    return capabilities.sysctl_machine or parts[:3] == _NAMESPACED


def read(name: str, root: Path = ROOT) -> str | None:
    """The value, None where the kernel has no such parameter. Raises OSError."""
    try:
        return path_of(name, root).read_text().strip()
    except FileNotFoundError:
        return None


def write(name: str, value: str, capabilities: Capabilities, root: Path = ROOT) -> None:
    """Set it. Raises Unsupported if it is not this node's, OSError from the kernel."""
    if not allowed(name, capabilities):
        raise Unsupported(f"{name} is the host's, not this node's")
    with path_of(name, root).open("r+b", buffering=0) as file:  # r+: never create what the kernel does not have
        file.write(value.encode() + b"\n")
