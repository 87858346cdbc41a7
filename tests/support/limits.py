"""How long a test may take: `timeout` in pyproject.toml, its own mark, or SLOW for a slow one. Who takes longer has the
stacks of all threads and tasks shown and fails where it stands, so that all it holds is given back; clean-up that hangs
as well is broken off in the same way, step by step. Loaded by tests/conftest.py for every run."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import pytest
import pytest_timeout

SLOW: Final = 1800.0
AGAIN: Final = 60.0  # seconds for each step of clean-up


class Hung(SystemExit):
    """The limit. Both loops let this one through a callback, and pytest takes it as a failure of the test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") is not None and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SLOW))


def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """In place of pytest-timeout's own: a thread that ends the whole run, and an exception that uvloop swallows."""

    def ring(number: int, frame: FrameType | None) -> None:
        __tracebackhide__ = True
        pytest_timeout.dump_stacks(item.config.get_terminal_writer())
        _show_tasks()
        raise Hung(f"{item.nodeid} takes longer than {settings.timeout:g} s")

    def cancel() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    item.cancel_timeout = cancel  # type: ignore[attr-defined]  # by which pytest-timeout cancels
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, settings.timeout, AGAIN)
    return True


def _show_tasks() -> None:
    """Where each task of the loop stands that was interrupted: the main thread's stack ends in the loop."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    for task in asyncio.all_tasks(loop):
        task.print_stack(file=sys.stderr)


@contextmanager
def unhurried() -> Iterator[None]:
    """What is made here once and kept for good is on nobody's time: the clock of the test that came first stands."""
    left, again = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, again)
