"""The dashboard on a real terminal with no node to be seen: it says so, at any size, with and without colours, and
leaves the terminal as it was. Without a terminal it is one line of error."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.terminal import Terminal, terminal

COMMAND = [str(Path(sys.executable).with_name("ichorctl")), "dashboard", "--insecure", "-n", "127.0.0.1:1,127.0.0.1:2"]
_COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


@contextmanager
def opened(folder: Path, columns: int = 80, lines: int = 24, colour: bool = True) -> Iterator[Terminal]:
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    told = {} if colour else {"NO_COLOR": "1"}
    with terminal(COMMAND, environment | told, folder, columns, lines) as screen:
        screen.until("unreachable")
        yield screen


@pytest.mark.parametrize("colour", [True, False])
def test_it_tells_of_dead_nodes_and_leaves_no_trace(tmp_path: Path, colour: bool) -> None:
    with opened(tmp_path, colour=colour) as screen:
        screen.until("Connection refused")
        assert screen.taken
        for key, seen in (("2", "[2 Processes]"), ("\t", "[3 Services]"), ("\x1b[Z", "[2 Processes]"), ("n", "2/2")):
            screen.press(key)
            screen.until(seen)
        screen.press("?")
        screen.until("Rates are of")
        screen.press("\r")
        screen.until(lambda text: "Rates are of" not in text)
        screen.press("p")
        screen.until("PAUSED")
        screen.press("q")
        assert screen.ended() == 0
        assert screen.restored
        assert bool(_COLOUR.search(screen.written)) is colour


def test_an_interrupt_is_a_way_to_leave(tmp_path: Path) -> None:
    with opened(tmp_path) as screen:
        screen.press("\x03")
        assert screen.ended() == 0
        assert screen.restored


def test_it_takes_any_size(tmp_path: Path) -> None:
    with opened(tmp_path, 160, 50) as screen:
        for columns, lines in ((80, 24), (40, 10), (20, 5), (200, 60)):
            screen.resize(columns, lines)
            screen.process.send_signal(signal.SIGWINCH)
            for key in "7654321":  # the first ones fit at any width
                screen.press(key)
            screen.until(lambda text: "127.0.0.1:1" in text.splitlines()[0] and "[1 Overview]" in text)
        screen.press("q")
        assert screen.ended() == 0


@pytest.mark.parametrize("term", ["dumb", ""])
def test_without_a_terminal_it_is_an_error(tmp_path: Path, term: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "TERM"} | ({"TERM": term} if term else {})
    done = subprocess.run(COMMAND, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: the dashboard needs a terminal: ") and done.stderr.count("\n") == 1


def test_an_interval_is_a_duration(tmp_path: Path) -> None:
    for interval in ("5ms", "soon"):
        done = subprocess.run([*COMMAND, "-d", interval], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
