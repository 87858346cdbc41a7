"""Kernel modules: what is loaded (/proc/modules), which devices ask for one (MODALIAS below /sys), and loading them.
Loading goes through the image's modprobe, the program the kernel itself calls for its own requests: one reading of
modules.alias, modules.dep, blacklists and options for both, and a driver that hangs while it probes holds up a child
and not the node. Refuses to run anything that is not asked for by name."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.base.errors import IchorError
from core.linux.tool import Run

MODPROBE: Final = "/usr/sbin/modprobe"
# far below the kernel's limit for arguments, and enough for any machine's devices in one or two runs
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Module:
    """A line of /proc/modules."""

    name: str
    size: int
    references: int
    users: tuple[str, ...]
    state: str
    address: str


class ModuleError(IchorError):
    """A module that was asked for by name could not be loaded."""


def loaded(proc: Path) -> list[Module]:
    """All loaded modules, by name; none where the kernel has no support for them."""
    path = proc / "modules"
    lines = path.read_text().splitlines() if path.exists() else []
    return sorted(map(_module, lines), key=lambda m: m.name)


def builtin(release: Path) -> list[str]:
    """Names of what is built into the kernel, from modules.builtin in the release's folder."""
    path = release / "modules.builtin"
    lines = path.read_text().splitlines() if path.exists() else []
    return sorted(line.rpartition("/")[2].partition(".")[0].replace("-", "_") for line in lines)


def coldplug(sys: Path) -> list[str]:
    """The alias of every device that is there already, each once."""
    found = dict.fromkeys(_aliases(sys / "devices"))
    return [alias for alias in found if alias]


async def load_for(run: Run, aliases: Iterable[str]) -> None:
    """Load the drivers of devices; what no module answers to is no error, nor is a driver that finds no hardware."""
    wanted = [alias for alias in aliases if not alias.startswith("-")]
    for start in range(0, len(wanted), _BATCH):
        await run([MODPROBE, "-a", "-b", "-q", "--", *wanted[start : start + _BATCH]])


async def load(run: Run, name: str, parameters: Sequence[str] = ()) -> None:
    """Load a module by name with its dependencies. Raises ModuleError with modprobe's words."""
    done = await run([MODPROBE, "--", name, *parameters])
    if done.status:
        raise ModuleError(f"module {name} was not loaded: {done.output.strip() or f'status {done.status}'}")


def _module(line: str) -> Module:
    name, size, references, users, state, address, *_ = (*line.split(), "", "", "", "", "", "")
    named = tuple(user for user in users.split(",") if user and user != "-")
    count = int(references) if references.lstrip("-").isdigit() else 0
    return Module(name, int(size), count, named, state, address)


def _aliases(folder: Path) -> Iterator[str]:
    """Depth first and without symlinks, so that a bus comes before what hangs on it."""
    for path, folders, files in os.walk(folder):
        folders.sort()
        if "modalias" in files:
            try:
                yield Path(path, "modalias").read_text(errors="replace").strip()
            except OSError:
                # the device left, or its driver answers no reads
                continue
