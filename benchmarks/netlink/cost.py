"""What something cost, in seconds of processor (user and system) and by the wall."""

import os
import resource
import subprocess
import time
from collections.abc import Callable
from typing import NamedTuple


class Cost(NamedTuple):
    """Seconds."""

    cpu: float
    wall: float


def least(costs: list[Cost]) -> Cost:
    """The least of each: what was added came from elsewhere."""
    return Cost(min(cost.cpu for cost in costs), min(cost.wall for cost in costs))


def measured(work: Callable[[], object], times: int) -> Cost:
    """The least of some runs in this process."""
    costs = []
    for _ in range(times):
        before, began = used(), time.perf_counter()
        work()
        wall = time.perf_counter() - began
        costs.append(Cost(used() - before, wall))
    return least(costs)


def used() -> float:
    """Seconds of processor that this process has taken."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def child(*argv: str) -> Cost:
    """A program's cost with its start and its output, which goes nowhere."""
    began = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv)
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - began)
