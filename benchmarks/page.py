"""docs/results.md: one section for each source of numbers, replaced whole by who makes it. Owns the page's form: when,
at which commit, on which machine, then a table."""

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
WIDTH: Final = 64  # a longer cell sticks out alone
HEAD: Final = """# Results

Measured, never edited by hand: `make bench` replaces the lines of the suites it ran, `make test-slow` of the tests.
Budgets are those of the project's design; a ratio compares with a peer measured in the same run.

![The last measurements over their budgets and peers](bench.svg)
"""


def replace(path: Path, heading: str, table: str, said: Sequence[str] = ()) -> None:
    """Put `table` and the lines of `said` under `## heading`, with date, commit and machine; other sections stay."""
    first, kept = _read(path)
    kept[heading] = "\n\n".join([about(), table.rstrip("\n"), *said])
    body = "".join(f"\n## {name}\n\n{text}\n" for name, text in kept.items())
    path.write_text(first.rstrip("\n") + "\n" + body)


def rows(path: Path, heading: str) -> list[tuple[str, ...]]:
    """The cells of the table under `## heading`, without its headings; none if there is none."""
    lines = [line for line in _read(path)[1].get(heading, "").splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


def _read(path: Path) -> tuple[str, dict[str, str]]:
    """What stands before the first section, and each section's text."""
    first, *sections = (path.read_text() if path.exists() else HEAD).split("\n## ")
    return first, {section.partition("\n")[0]: section.partition("\n")[2].strip("\n") for section in sections}


def about() -> str:
    """When, which commit, which machine, and how busy it was."""
    cpus, load = os.cpu_count(), os.getloadavg()[0]
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{now}, commit {commit()}; {processor()}, {cpus} CPUs, Linux {platform.release()}, load {load:.1f}."


def commit() -> str:
    """The checkout's commit, and whether anything differs from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def processor() -> str:
    """The CPU's name as the kernel shows it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown, in columns that line up in the source as well (up to WIDTH); all but the first aligned right."""
    cells = [[*headings], *(list(row) for row in rows)]
    widths = [min(WIDTH, max(3, *(len(row[column]) for row in cells))) for column in range(len(headings))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in (cells[0], rule, *cells[1:]))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]) + " |"
