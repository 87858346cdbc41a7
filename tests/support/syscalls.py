"""Which system calls the daemons and workers of container nodes make behind their filters:

    python -m tests.support.syscalls [PYTEST ARGUMENTS]

runs tests over whole nodes (tests/e2e, if nothing is named) with strace on the spawner of every node that they create,
and prints for each kind of process what it called, how often, and what its filter allows that nobody asked for. What a
filter ends is told too. To trace without a filter, replace it by None in daemons/spawner/table.py for the time."""

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from daemons.spawner import calls

FOLDER: Final = "ICHOR_SYSCALLS"  # set for the tests: where traces go
_LINE: Final = re.compile(r"^(\d+)<(\S+?)> +(\w+)\(")
_SUITE: Final = ("-m", "not slow", "tests/e2e")


def attach(spawner: int, folder: Path) -> None:
    """Trace a spawner and all that it forks from now on, until they end; returns when it is traced."""
    command = ["strace", "-f", "-Y", "-qq", "-s", "0", "-o", str(folder / f"{spawner}.trace"), "-p", str(spawner)]
    # setsid --fork: it ends with what it traces, and is nobody's unreaped child
    subprocess.run(["setsid", "--fork", *command], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    while "TracerPid:\t0\n" in Path(f"/proc/{spawner}/status").read_text():
        os.sched_yield()


def found(folder: Path) -> tuple[dict[str, Counter[str]], list[str]]:
    """By the short name of a process its calls behind the filter and how often; the lines of those that were ended."""
    made: dict[str, Counter[str]] = defaultdict(Counter)
    ended: list[str] = []
    for trace in sorted(folder.glob("*.trace")):
        confined: set[str] = set()
        for line in trace.open(errors="replace"):
            ended += [line.rstrip()] if "killed by SIGSYS" in line else []
            match = _LINE.match(line)
            if match is None:
                continue
            pid, name, call = match.groups()
            if call == "seccomp" or "PR_SET_SECCOMP" in line:
                confined.add(pid)
            elif call in ("clone", "clone3") and (child := re.search(r"= (\d+)", line)) and pid in confined:
                confined.add(child[1])
            if pid in confined:
                made[name][call] += 1
    return made, ended


def main(arguments: list[str]) -> int:
    """Run, and print the table."""
    with TemporaryDirectory() as name:
        command = [sys.executable, "-m", "pytest", "-q", *(arguments or _SUITE)]
        ended = subprocess.run(command, env={**os.environ, FOLDER: name}, check=False)
        made, killed = found(Path(name))
    for process, counts in sorted(made.items()):
        print(f"\n{process}: " + " ".join(f"{call}({count})" for call, count in sorted(counts.items())))
        rule = calls.DAEMON if process in ("ichor-apid", "ichor-trustd") else calls.WORKER
        print("  never asked for: " + " ".join(call for call in rule.allowed if call not in counts))
    print(*killed, sep="\n")
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
