"""People at a node's door (apid's, trustd's) while its process is killed and replaced: grpc-go's clients
(tests/support/go/arrive), each of which makes a new connection for a call and does not wait for one to be there."""

import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.config.client import Context
from tests.support import golang
from tests.support.caller import files
from tests.support.cluster import Node
from tests.support.pid1 import until

CALLERS: Final = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call: from when to when (monotonic ns), and how it ended."""

    began: int
    ended: int
    code: str
    error: str


class Arrivals:
    """Who came, and what was done to the process behind the door. `expected` is the code that calls end with."""

    def __init__(self, node: Node, name: str, process: subprocess.Popen[bytes], expected: str) -> None:
        self.outcomes: list[Outcome] = []
        self.kills: list[tuple[int, int]] = []  # from the signal to the death
        self._node, self._name, self._process, self._expected = node, name, process, expected
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def kill(self) -> None:
        """No process is behind the door, until there is another and all callers were heard by it."""
        old = self._pid()
        handle = os.pidfd_open(old)
        began = time.monotonic_ns()
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [])
        self.kills.append((began, time.monotonic_ns()))
        os.close(handle)
        self._heard_by_another(old)

    def replace(self) -> None:
        """It is told to end; another has its place before it has."""
        old = self._pid()
        os.kill(old, signal.SIGTERM)
        self._heard_by_another(old)

    def end(self) -> None:
        """No more come; all that came were answered."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reader.join()

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.code != self._expected]

    @property
    def in_flight(self) -> list[Outcome]:
        """Failures of calls that a kill found under way: what the process had accepted dies with it."""
        return [f for f in self.failures if any(f.began <= end and begin <= f.ended for begin, end in self.kills)]

    @property
    def refused(self) -> list[Outcome]:
        """All other failures, and whatever the kernel refused."""
        known = self.in_flight
        return [f for f in self.failures if f not in known or "refused" in f.error]

    def _pid(self) -> int:
        until(lambda: self._node.pid(self._name), 60, self._name)
        return self._node.pid(self._name)

    def _heard_by_another(self, old: int) -> None:
        until(lambda: self._node.pid(self._name) not in (0, old), 60, f"another {self._name}")
        made = len(self.outcomes)
        until(lambda: len(self.outcomes) >= made + 2 * CALLERS, 60, "callers to be heard")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said: dict[str, Any] = json.loads(line)
            self.outcomes.append(Outcome(**said))


@contextmanager
def arriving(
    node: Node, name: str, endpoint: str, context: Context, folder: Path, method: str, expected: str = "OK"
) -> Iterator[Arrivals]:
    """Callers at `endpoint`, the door of the process `name`, until the block ends."""
    command = [str(golang.binary("arrive")), endpoint, *files(context, folder), str(CALLERS), method]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        arrivals = Arrivals(node, name, process, expected)
        try:
            yield arrivals
        except BaseException:
            process.kill()
            raise
        finally:
            arrivals.end()
