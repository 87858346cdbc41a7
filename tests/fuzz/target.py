"""What a fuzz target is: a module of tests/fuzz/targets that defines `TARGET`. Its `check` takes any bytes at all and
raises for nothing but a defect: what a decoder may refuse it refuses by its declared errors, through `attempt`."""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

FOLDER: Final = Path(__file__).parent
CORPUS: Final = FOLDER / "corpus"
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """`seeds` are inputs made of real things, with which the corpus began; `runs` executions take a second or two.
    A `native` target runs on units built with ASan and coverage, and is slower for it. No input is larger than
    `largest` bytes. In the slow suite it runs for `minutes`."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    runs: int
    native: bool = False
    largest: int = 4096
    minutes: int = 1


def names() -> list[str]:
    """Every target."""
    return sorted(path.stem for path in (FOLDER / "targets").glob("[a-z]*.py"))


def load(name: str) -> Target:
    """The target called `name`."""
    found = importlib.import_module(f"tests.fuzz.targets.{name}").TARGET
    assert isinstance(found, Target)
    return found


def attempt(
    refusals: type[Exception] | tuple[type[Exception], ...],
    function: Callable[P, T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T | None:
    """What the function gives, or None when it refuses, which it must do in words fit for a log."""
    try:
        return function(*args, **kwargs)
    except refusals as error:
        text = str(error)
        assert text and all(line.isprintable() for line in text.split("\n")), f"refused by {text!r}"
        return None
