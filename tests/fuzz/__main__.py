"""`python -m tests.fuzz SECONDS`: every target for that long, two at a time; one line each, and what was found.
`python -m tests.fuzz NAME [FILE...]`: one target on these files, as when a crash is to be seen again."""

import os
import sys

from tests.fuzz.engine import ROOT, command, run_all
from tests.fuzz.target import names


def everything(seconds: int) -> int:
    failed = 0
    for outcome in run_all([(name, (f"-max_total_time={seconds}",)) for name in names()]):
        print(f"{outcome.target:>14} {outcome}", flush=True)
        failed += bool(outcome.failure)
    return failed


if sys.argv[1].isdigit():
    sys.exit(bool(everything(int(sys.argv[1]))))
line, environment = command(sys.argv[1], sys.argv[2:])
os.chdir(ROOT)
os.execvpe(line[0], line, environment)
