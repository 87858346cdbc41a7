"""Requests to pods for as long as a fault lasts: from this machine by every node's port, on a new connection each time
and on one that is kept, and from a pod of every node by the Service's address. Counts answers, keeps what failed."""

import http.client
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tests.support.kubecluster import Kubernetes
from tests.support.pid1 import until

PATIENCE: Final = 20.0  # s; on a busy machine what is slow has not failed
PACE: Final = 0.02
LOOP: Final = "while read -r _; do wget -qO- -T {seconds:.0f} http://{address}/ || echo lost; done"
Ask = Callable[[], str]


@dataclass
class Traffic:
    """`answered` by source; `failed`: the source, when (Unix seconds), and with what."""

    answered: dict[str, int] = field(default_factory=dict)
    failed: list[tuple[str, float, str]] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def progress(self) -> None:
        """Come back when every source has been answered twice: the second of these was begun after now."""
        wanted = {source: count + 2 for source, count in self.answered.items()}
        until(
            lambda: self.failed or all(self.answered[source] >= count for source, count in wanted.items()),
            PATIENCE * 3,
            "answers",
        )
        assert not self.failed, self.failed

    @contextmanager
    def asking(self, source: str, ask: Ask) -> Iterator[None]:
        """Again and again while the block lasts; `ask` gives what was answered, or raises OSError, HTTPException."""
        self.answered[source] = 0
        thread = threading.Thread(target=self._run, args=(source, ask), name=source)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _run(self, source: str, ask: Ask) -> None:
        while not self._stopping.wait(PACE):
            try:
                said = ask()
            except (OSError, http.client.HTTPException) as error:
                said = f"lost: {error!r}"
            if said.startswith("lost"):
                self.failed.append((source, time.time(), said))
            else:
                self.answered[source] += 1


@contextmanager
def running(kube: Kubernetes, service: str, callers: str) -> Iterator[Traffic]:
    """To a Service with a port on every node; `callers` is an app with a pod on each."""
    made = Traffic()
    spec = kube.read("service", service)["spec"]
    with ExitStack() as stack:
        for node in kube.nodes:
            outside = f"{node.address}:{spec['ports'][0]['nodePort']}"
            kept = stack.enter_context(_connection(outside))
            stack.enter_context(made.asking(f"{node.name}, anew", partial(_anew, outside)))
            stack.enter_context(made.asking(f"{node.name}, kept", partial(_ask, kept)))
        for pod, place in kube.placed(callers).items():
            inside = stack.enter_context(_pod(kube, pod, spec["clusterIP"]))
            stack.enter_context(made.asking(f"a pod on {place}", inside))
        yield made


@contextmanager
def _connection(address: str) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection(address, timeout=PATIENCE)
    try:
        yield made
    finally:
        made.close()


def _anew(address: str) -> str:
    with _connection(address) as connection:
        return _ask(connection)


def _ask(connection: http.client.HTTPConnection) -> str:
    connection.request("GET", "/")
    answer = connection.getresponse()
    said = answer.read().decode()
    return said if answer.status == http.HTTPStatus.OK else f"lost: {answer.status} {said}"


@contextmanager
def _pod(kube: Kubernetes, pod: str, address: str) -> Iterator[Ask]:
    """What asks in a pod, by a shell there that is told each time: a stream that breaks is a failure as well."""
    loop = LOOP.format(seconds=PATIENCE, address=address)
    command = kube.command("exec", "--stdin", pod, "--", "sh", "-c", loop)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        into, out = client.stdin, client.stdout
        assert into is not None and out is not None

        def ask() -> str:
            into.write(b"\n")
            into.flush()
            if not select.select([out], [], [], PATIENCE * 2)[0]:
                return f"lost: the shell in {pod} says nothing"
            return out.readline().decode() or f"lost: the shell in {pod} has ended"

        try:
            yield ask
        finally:
            client.kill()
