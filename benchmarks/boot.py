"""From the exec of init to the first mTLS Version reply, by phase. The phases come from what the node prints: every
process puts the boot clock before its messages. Cold means that no block of the image is in memory."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure
from benchmarks.node import BenchNode
from benchmarks.run import Run
from core.base.errors import NotFound
from core.provision import rootfs

Milestone = tuple[str, str, str]
# (phase that ends here, whose log, what it says): in the order of the chain that the first reply waits for
MILESTONES: Final[tuple[Milestone, ...]] = (
    ("exec of init", "console", "ichor: spawner: starting"),
    ("interpreter runs", "console", "INFO spawner: starts"),
    ("imported, frozen, sealed", "console", "INFO spawner: .* sealed"),
    ("machined forked", "console", "INFO machined: starts"),
    ("store, controllers", "console", "INFO machined: assembled"),
    ("certificate issued", "console", "INFO secrets: API certificate issued"),
    ("front door open", "apid", "INFO front: serving"),
)
REPLY: Final = "first Version reply"


def figures(run: Run) -> Iterator[Figure]:
    """Warm and cold, each with its phases as lines below it."""
    for name, cold, budget, then in (("boot, warm", False, 0.6, 0.35), ("boot, cold", True, 1.2, 0.7)):
        rounds = [timeline(run.node, cold=cold) for _ in range(run.rounds(7, 15))]
        yield Figure(name, "s", [sum(phases.values()) for phases in rounds], budget, then)
        for phase in rounds[0]:
            yield Figure(f"- {phase}", "ms", [phases[phase] * 1e3 for phases in rounds])


def timeline(node: BenchNode, *, cold: bool) -> dict[str, float]:
    """Restart the node; the seconds of each phase."""
    node.stop()
    if cold:
        forget(node)
    said = len(node.console())
    node.start()
    replied = asyncio.run(node.answers())
    logs = {"console": node.console()[said:], "apid": asyncio.run(node.log("apid"))}
    began, *milestones = MILESTONES
    return phases(milestone(began, logs), milestones, logs, (REPLY, replied))


def phases(
    began: tuple[str, float], milestones: Sequence[Milestone], logs: Mapping[str, str], ended: tuple[str, float] | None
) -> dict[str, float]:
    """The seconds of each phase, from one milestone to the next."""
    times = [began, *(milestone(each, logs) for each in milestones), *([ended] if ended else [])]
    return {after[0]: after[1] - before[1] for before, after in pairwise(times)}


def forget(node: BenchNode) -> None:
    """Drop every cached block of the node's image, and of nothing else."""
    image = Path(node.cluster.spec.image) / "ichor.img"
    root = rootfs.mount(node.places, image, node.cluster.image_sha256)
    subprocess.run(["umount", root], check=True)
    with (root.parent / "ichor.img").open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    node.machines.prepare()


def milestone(wanted: Milestone, logs: Mapping[str, str]) -> tuple[str, float]:
    """Its phase, and when its log first says so. Raises NotFound."""
    phase, log, text = wanted
    found = re.search(rf"^\[ *([0-9.]+)\] {text}", logs[log], re.MULTILINE)
    if found is None:
        raise NotFound(f"{text!r} is not in the log of {log}:\n{logs[log]}")
    return phase, float(found[1])
