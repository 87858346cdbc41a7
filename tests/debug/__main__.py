"""`python -m tests.debug [PYTEST ARGUMENTS]`: build, then run the units' suites (or what the arguments name) on the
instrumented units. Fails for a failed test, for what is left at the end, and for any report of any process."""

import fcntl
import os
import subprocess
import sys

from tests.debug.build import REPORTS, ROOT, TREE, build, environment

SUITES = (
    "ext_http2",
    "ext_netlink",
    "ext_reap",
    "ext_ring",
    "ext_seal",
    "ext_sys",
    "ext_verity",
    "rpc",
    "codec",
    "linux",
    "init",
    "daemons",
)


def main(arguments: list[str]) -> int:
    TREE.mkdir(parents=True, exist_ok=True)
    with (TREE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one at a time: the tree is made anew, old reports go
        return run(arguments)


def run(arguments: list[str]) -> int:
    build()
    REPORTS.mkdir(exist_ok=True)
    for old in REPORTS.iterdir():
        old.unlink()
    wanted = arguments or ["-m", "not slow", *(f"tests/{suite}" for suite in SUITES)]
    command = [sys.executable, "-m", "pytest", "--import-mode=append", "-p", "tests.debug.plugin", *wanted]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), check=False)
    reports = sorted(REPORTS.iterdir())
    for report in reports:
        print(report.read_text(errors="replace"))
    return ended.returncode or bool(reports)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
