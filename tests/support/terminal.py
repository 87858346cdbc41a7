"""A program on a pseudo-terminal, and a terminal emulator of others (pyte) that says what a person sees of it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte

_ALTERNATE = 1049 << 5  # private modes, as pyte keeps them
_OTHERS = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p")  # what pyte takes for text


class Terminal:
    """One program on one terminal."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path, columns: int, lines: int) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""  # all that came
        self._fd, inner = pty.openpty()
        try:
            self.resize(columns, lines)
            self._before = termios.tcgetattr(inner)
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment | {"TERM": "xterm-256color"},
                stdin=inner,
                stdout=inner,
                stderr=inner,
            )
            self._inner = inner
        except BaseException:
            os.close(inner)
            os.close(self._fd)
            raise

    @property
    def text(self) -> str:
        """What is seen."""
        return "\n".join(self._screen.display)

    @property
    def taken(self) -> bool:
        """Has the program a screen of its own?"""
        return _ALTERNATE in self._screen.mode

    @property
    def restored(self) -> bool:
        """Is the terminal as it was: its first screen, its cursor, its line discipline?"""
        screen = self._screen
        same = termios.tcgetattr(self._inner) == self._before
        return not self.taken and not screen.cursor.hidden and same

    def press(self, keys: str) -> None:
        """As from the keyboard."""
        os.write(self._fd, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Another size; the program is told when it runs already."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._screen.resize(lines, columns)

    def until(self, seen: str | Callable[[str], object], seconds: float = 60) -> str:
        """What is seen once these words are, or once the condition holds of it."""
        end = time.monotonic() + seconds
        holds = (lambda text: seen in text) if isinstance(seen, str) else seen
        while not holds(self.text):
            assert time.monotonic() < end, f"never seen: {seen}\n{self.text}"
            assert self._read(0.2) or self.process.poll() is None, f"it ended before {seen} was seen\n{self.text}"
        return self.text

    def ended(self, seconds: float = 60) -> int:
        """The exit code, once it has ended and all it wrote is on the screen."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it does not end\n{self.text}"
            self._read(0.05)
        while self._read(0):
            pass
        return self.process.returncode

    def close(self) -> None:
        """Take it away."""
        self.process.kill()
        self.process.wait()
        os.close(self._inner)
        os.close(self._fd)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._fd], [], [], seconds)[0]:
            return False
        data = os.read(self._fd, 1 << 16)
        self.written += data
        self._stream.feed(_OTHERS.sub(b"", data))
        return bool(data)


@contextmanager
def terminal(
    command: list[str], environment: dict[str, str], folder: Path, columns: int = 80, lines: int = 24
) -> Iterator[Terminal]:
    """A program on a terminal, as long as the block lasts."""
    opened = Terminal(command, environment, folder, columns, lines)
    try:
        yield opened
    finally:
        opened.close()
