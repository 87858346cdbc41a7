"""The commands of the format's client (tests/cli/commands.tsv): their aliases and flags, and what became of each here.
Columns: command, aliases, flags (`name` or `name:letter`), state, by, without (`flag,flag: why; ...`); `-` is nothing.

State `calls`: it calls a node; by: rows of tests/e2e/calls.py, `; ` between. `alone`: it asks no node, or a whole
Kubernetes; by: a test. `group`: it has others below. `later`: what stands behind it is not there yet; by: a sentence.
`other`: this program has something else for it; by: what."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).parents[1] / "cli" / "commands.tsv"
STATES: Final = ("calls", "alone", "group", "later", "other")


@dataclass(frozen=True, slots=True)
class Command:
    """A row. `flags`: name -> its letter or nothing; `without`: those of them that are not there."""

    name: str
    aliases: tuple[str, ...]
    flags: dict[str, str]
    state: str
    by: str
    without: frozenset[str]

    @property
    def there(self) -> bool:
        return self.state in ("calls", "alone", "group")


@cache
def table() -> tuple[Command, ...]:
    """All, as the table has them."""
    return tuple(_read(line) for line in TABLE.read_text().splitlines())


def _read(line: str) -> Command:
    name, aliases, flags, state, by, without = ("" if cell == "-" else cell for cell in line.split("\t"))
    letters = {flag: letter for flag, _, letter in (one.partition(":") for one in _split(flags))}
    missing = frozenset(flag for part in _split(without, "; ") for flag in _split(part.partition(": ")[0]))
    return Command(name, tuple(_split(aliases)), letters, state, by, missing)


def _split(text: str, at: str = ",") -> Iterator[str]:
    return filter(None, text.split(at))
