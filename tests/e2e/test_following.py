"""What grpc-go follows while parts of the node die under it, and for long while nothing happens: where it breaks off,
and how a client that comes back misses nothing."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.caller import Call, Caller, Message, calling, joined
from tests.support.cluster import Node

LOGS, EVENTS = "machine.MachineService/Logs", "machine.MachineService/Events"
CONTAINERD: Final = {"namespace": "system", "id": "containerd", "follow": True, "tail_lines": -1}
LOST = "connection lost: peer closed the connection"
DEAF = "keepalive ping failed to receive ACK within timeout"


@pytest.fixture
def pipe(spare: Node) -> Iterator[int]:
    """What containerd writes its log to."""
    opened = os.open(f"/proc/{spare.pid('containerd')}/fd/1", os.O_WRONLY)
    yield opened
    os.close(opened)


def _lines(caller: Caller, last: bytes) -> bytes:
    """The log from its begin to this line, followed; then whoever follows gives up."""
    following = caller.open(LOGS, CONTAINERD, wait=True)
    data = b""
    while not data.endswith(last):
        message = following.next()
        assert message is not None, following.end
        data += joined([message])
    following.cancel()
    following.rest()
    return data


def _told_of(following: Call, service: str) -> Message:
    """The next event of this service."""
    while (event := following.next()) is not None:
        if event["data"].get("service") == service:
            return event
    raise AssertionError(following.end)


def test_a_log_has_every_line_once_though_machined_died(spare: Node, spare_caller: Caller, pipe: int) -> None:
    os.write(pipe, b"before\n")
    before = _lines(spare_caller, b"before\n")
    following = spare_caller.open(LOGS, CONTAINERD)
    data = b""
    while len(data) < len(before):
        data += joined([following.next() or pytest.fail(f"{following.end}")])
    assert data == before
    spare.kill("ichor-machined")
    os.write(pipe, b"meanwhile\n")
    rest = following.rest()
    assert (rest.messages, rest.end.code, rest.end.error) == ([], "Unavailable", LOST)
    os.write(pipe, b"after\n")
    assert _lines(spare_caller, b"after\n") == before + b"meanwhile\nafter\n"
    last = spare_caller.call(LOGS, CONTAINERD | {"follow": False, "tail_lines": 2}, wait=True)
    assert joined(last.messages) == b"meanwhile\nafter\n"


def test_events_go_on_behind_the_last_id(spare: Node, spare_caller: Caller) -> None:
    following = spare_caller.open(EVENTS, wait=True)
    hello = following.next() or {}
    spare.kill("ichor-machined")
    rest = following.rest()
    assert (rest.end.code, rest.end.error) == ("Unavailable", LOST)
    last = (hello, *rest.messages)[-1]["id"]
    again = spare_caller.open(EVENTS, {"tail_id": last}, wait=True)
    assert not (again.next() or {})["data"]
    ended = _told_of(again, "machined")
    assert ended["id"] > last
    assert "killed by SIGKILL" in ended["data"]["message"]
    again.cancel()


@pytest.mark.slow
def test_a_silent_stream_is_held_by_pings(spare: Node, tmp_path: Path) -> None:
    """Every ten seconds, as the commands do that wait for a reboot: nobody is told to calm down, and a door that does
    not answer is given up."""
    with calling(spare.endpoint, spare.context(), tmp_path, pings=10) as caller:
        following = caller.open(EVENTS)
        assert following.next()
        time.sleep(35)
        assert caller.call("machine.MachineService/ServiceStart", {"id": "imagecheck"}).end.code == "OK"
        assert _told_of(following, "imagecheck")["data"]["message"]
        apid = os.pidfd_open(spare.pid("ichor-apid"))
        try:
            signal.pidfd_send_signal(apid, signal.SIGSTOP)
            rest = following.rest()
        finally:
            signal.pidfd_send_signal(apid, signal.SIGCONT)
            os.close(apid)
    assert (rest.end.code, rest.end.error) == ("Unavailable", DEAF)
