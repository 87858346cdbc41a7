"""For a pytest in tests.debug's environment: at the end no object of an extension type is alive, the same descriptors
are open as at the start, and LeakSanitizer finds nothing. Names the tests after which it was otherwise."""

import asyncio
import gc
import os
from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from importlib import import_module

import pytest
import uvloop

from tests.debug.build import TREE
from tests.support import pid1

live = import_module("live")  # live.c


def pytest_configure(config: pytest.Config) -> None:
    """Take the units from the tree, and tell no child to: a program of Debian's may break ASan's rules by itself."""
    for name in ("LD_PRELOAD", "PYTHONPATH", "PYTHONMALLOC"):
        del os.environ[name]
    for path in sorted((TREE / "ext").rglob("*.so")):
        name = ".".join(path.relative_to(TREE).parts).partition(".cpython")[0].removesuffix(".abi3.so")
        module = import_module(name)
        if module.__file__ != str(path):
            raise pytest.UsageError(f"{name} is {module.__file__}: run this by `make debug`")
        for found in vars(module).values():
            if isinstance(found, type) and found.__module__ == name and not found.__flags__ & 1 << 9:  # no heap type
                live.watch(found)
    pid1.units = TREE / "ext"
    config.pluginmanager.register(Ledger(), "ledger")


class Ledger:
    """What is alive and open, compared after each test, asserted after the last one."""

    def __init__(self) -> None:
        self._start = self._before = Counter[str]()
        self._suspects: list[str] = []
        self._wrong: list[str] = []

    def pytest_sessionstart(self) -> None:
        uvloop.run(asyncio.sleep(0))  # libuv opens two descriptors for the process with its first loop
        self._start = self._before = held()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        done = yield
        now = held()
        if more := now - self._before:
            gc.collect()
            now = held()
            more = now - self._before
        if more:
            self._suspects.append(f"{item.nodeid}: {written(more)}")
        self._before = now
        return done

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        gc.collect()
        if more := held() - self._start:
            self._wrong = [f"left at the end: {written(more)}", *self._suspects]
        if live.leaks():
            self._wrong.append("LeakSanitizer found leaks")
        if self._wrong:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._wrong:
            terminalreporter.write_line(line, red=True)
        if not self._wrong:
            terminalreporter.write_line(
                f"{len(live.counts())} extension types, descriptors and the heap end as they began"
            )


def held() -> Counter[str]:
    """Live objects by type, and open descriptors by what they are."""
    found = Counter(live.counts())
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - the names alone
        with suppress(FileNotFoundError):  # the one that listed them
            found[os.readlink(f"/proc/self/fd/{number}").partition(":")[0]] += 1  # noqa: PTH115 - not always a path
    return found


def written(counts: Counter[str]) -> str:
    """The counts in words."""
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
