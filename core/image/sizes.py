"""How large the image is and of what: bytes by group, before compression and on disk, against the budget."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypedDict

from core.codec import squashfs
from core.image.entry import Entry
from core.image.modules import Kernel

BUDGETS: Final = {"cloud": 60_000_000, "server": 80_000_000}


class Table(TypedDict):
    """sizes.json: group -> [raw, on disk]; the last two rows are the file system's tables and the hash tree."""

    image: int
    budget: int
    vmlinuz: int
    initramfs: int
    groups: dict[str, tuple[int, int]]


def table(entries: Iterable[Entry], image: Path, kernel: Kernel, initramfs: int, data_size: int) -> Table:
    """Measure what was built. Files that squashfs found equal count for the first."""
    group = {f"/{entry.path}": entry.group for entry in entries if entry.is_file}
    raw = Counter[str]()
    for entry in entries:
        if entry.is_file:
            raw[entry.group] += len(entry.content())
    stored = _stored(image, group)
    total = image.stat().st_size
    rows = {name: (raw[name], round(stored[name])) for name in sorted(raw, key=lambda n: -stored[n])}
    rows["tables"] = (0, data_size - sum(size for _, size in rows.values()))
    rows["verity"] = (0, total - data_size)
    vmlinuz, budget = kernel.vmlinuz.stat().st_size, BUDGETS[kernel.flavour]
    return {"image": total, "budget": budget, "vmlinuz": vmlinuz, "initramfs": initramfs, "groups": rows}


def render(table: Table) -> str:
    """The table for people, in MB of a million bytes."""
    rows = [f"{'group':<14}{'raw':>9}{'on disk':>9}"]
    rows += [f"{name:<14}{raw / 1e6:>9.2f}{stored / 1e6:>9.2f}" for name, (raw, stored) in table["groups"].items()]
    raw = sum(raw for raw, _ in table["groups"].values())
    rows.append(f"{'image':<14}{raw / 1e6:>9.2f}{table['image'] / 1e6:>9.2f}  of {table['budget'] / 1e6:.0f} MB")
    rows.append(f"{'beside it':<14}{'':>9}{(table['vmlinuz'] + table['initramfs']) / 1e6:>9.2f}  kernel and initramfs")
    return "\n".join(rows)


def _stored(image: Path, group: dict[str, str]) -> dict[str, float]:
    fd = os.open(image, os.O_RDONLY | os.O_CLOEXEC)
    try:
        layout = squashfs.layout(lambda offset, size: os.pread(fd, size, offset))
    finally:
        os.close(fd)
    found = dict.fromkeys(group.values(), 0.0)
    seen: set[tuple[int, int]] = set()
    tails = Counter[int]()
    for file in layout.files:
        if file.fragment is not None:
            tails[file.fragment] += file.tail
    for file in layout.files:
        if file.stored and (file.start, file.stored) not in seen:
            seen.add((file.start, file.stored))
            found[group[file.path]] += file.stored
        if file.fragment is not None:
            found[group[file.path]] += layout.fragments[file.fragment][1] * file.tail / tails[file.fragment]
    return found
