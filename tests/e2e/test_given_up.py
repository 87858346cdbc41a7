"""Calls that are given up, or whose time is over, as grpc-go does it at a node's door: whoever answered them, behind
two sockets, ends and gives back what it held. What machined has open and mapped tells that it has."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.caller import Caller, Message, calling
from tests.support.cluster import Node
from tests.support.descriptors import descriptors
from tests.support.pid1 import until

# a call that does not end by itself -> what its handler holds meanwhile
HELD: Final[dict[str, tuple[str, Message]]] = {
    "packet": ("machine.MachineService/PacketCapture", {"interface": "lo"}),
    "/memfd:events": ("machine.MachineService/Events", {}),
    "/memfd:ring:machined": ("machine.MachineService/Logs", {"namespace": "system", "id": "machined", "follow": True}),
    "udp": ("time.TimeService/TimeCheck", {"server": "192.0.2.1"}),  # RFC 5737: nobody
}
LATE: Final = {"context deadline exceeded", "deadline exceeded"}  # the client's own, or the node's, which may be faster


def _count(pid: int, what: str) -> int:
    """Descriptors of that kind, or mappings of that memory."""
    if what.startswith("/"):
        return Path(f"/proc/{pid}/maps").read_text().count(f"{what} ")
    return descriptors(pid)[what]


@contextmanager
def _holding(node: Node, what: str) -> Iterator[Callable[[], None]]:
    """In the block machined comes to hold more; the yielded function waits until it does."""
    pid = node.pid("ichor-machined")
    before = _count(pid, what)
    yield lambda: until(lambda: _count(pid, what) > before, what=f"more of {what}")
    until(lambda: _count(pid, what) <= before, what=f"as many of {what} as before")


@pytest.mark.parametrize("what", HELD)
def test_who_gives_up_ends_it(node: Node, caller: Caller, what: str) -> None:
    method, request = HELD[what]
    with _holding(node, what) as held:
        call = caller.open(method, request)
        held()
        call.cancel()
        end = call.rest().end
    assert (end.code, end.error) == ("Canceled", "context canceled")


def test_a_deadline_ends_it(node: Node, caller: Caller) -> None:
    with ExitStack() as holding:
        held = [holding.enter_context(_holding(node, what)) for what in HELD]
        calls = [caller.open(method, request, timeout=2) for method, request in HELD.values()]
        for wait in held:
            wait()
        for end in (call.rest().end for call in calls):
            assert end.code == "DeadlineExceeded"
            assert end.error in LATE


def test_who_hangs_up_ends_all_of_it(node: Node, tmp_path: Path) -> None:
    with ExitStack() as holding, calling(node.endpoint, node.context(), tmp_path) as caller:
        for what, (method, request) in HELD.items():
            held = holding.enter_context(_holding(node, what))
            caller.open(method, request)
            held()
        # here the client is killed, and then what it held is looked for


def test_a_call_whose_time_is_over_is_not_made(node: Node, caller: Caller) -> None:
    end = caller.call("machine.MachineService/Events", timeout=1e-9).end
    assert (end.code, end.error) == ("DeadlineExceeded", "context deadline exceeded")
