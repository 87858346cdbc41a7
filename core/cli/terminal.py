"""This program's terminal, or pipes, as the input and output of a container somewhere else. Owns the terminal's mode,
which is what it was when the block is left, however that comes."""

import asyncio
import os
import shutil
import signal
import sys
import termios
import tty
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Final

_PIECE: Final = 32 << 10


def attached() -> bool:
    """Whether there is a terminal to read from and to write to."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def size() -> tuple[int, int]:
    """Its (columns, lines)."""
    columns, lines = shutil.get_terminal_size()
    return columns, lines


@contextmanager
def raw(wanted: bool) -> Iterator[None]:
    """Every key goes through as it is typed."""
    before = termios.tcgetattr(0) if wanted else None
    try:
        if before is not None:
            tty.setraw(0, termios.TCSADRAIN)  # what was typed already goes through, too
        yield
    finally:
        if before is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextmanager
def signals(told: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    """Signals to this process do these things while the block lasts."""
    loop = asyncio.get_running_loop()
    for number, do in told.items():
        loop.add_signal_handler(number, do)
    try:
        yield
    finally:
        for number in told:
            loop.remove_signal_handler(number)


async def typed() -> AsyncIterator[bytes]:
    """What comes in, until its end. A thread reads: a file can be waited for in no other way, and who waits for a key
    that nobody presses ends with the program."""
    loop, pieces = asyncio.get_running_loop(), asyncio.Queue[bytes](1)

    def read() -> None:
        data = b"-"
        while data:
            data = os.read(0, _PIECE)
            if loop.is_closed():
                return
            asyncio.run_coroutine_threadsafe(pieces.put(data), loop).result()

    Thread(target=read, daemon=True).start()
    while data := await pieces.get():
        yield data
