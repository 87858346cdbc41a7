"""What a group may use, apart from how a kernel is told. Values are bytes, thousandths of a core and counts."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """None leaves the kernel's default. `memory_min` and `memory_low` protect, `memory_max` ends; no `swap` forbids."""

    memory_min: int | None = None
    memory_low: int | None = None
    memory_max: int | None = None
    millicores: int | None = None
    pids_max: int | None = None
    swap: bool = True


@dataclass(frozen=True, slots=True)
class Unapplied:
    """A setting the kernel did not take."""

    path: str
    setting: str
    value: str
    reason: str


def shares(millicores: int) -> int:
    """cpu.shares of cgroup v1 for thousandths of a core, capped at the machine's."""
    return max(2, min(millicores, 1000 * (os.cpu_count() or 1)) * 1024 // 1000)


def weight(millicores: int) -> int:
    """cpu.weight of cgroup v2: the shares 2..262144 stretched over 1..10000."""
    return (shares(millicores) - 2) * 9999 // 262142 + 1


def write(path: str, settings: Iterable[tuple[Path, int]]) -> list[Unapplied]:
    """Set each file to its number; what the kernel refused, with its reason."""
    refused = []
    for file, value in settings:
        try:
            file.write_text(str(value))
        except FileNotFoundError:
            refused.append(Unapplied(path, file.name, str(value), "this kernel or parent group has no such controller"))
        except OSError as error:
            refused.append(Unapplied(path, file.name, str(value), error.strerror or str(error)))
    return refused
