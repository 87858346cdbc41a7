"""A node's front door that is replaced, or shows another certificate, while grpc-go's calls and streams are under way:
what was accepted ends well, what was not is made again by the client itself."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from core.config.load import read
from core.config.merge import merge_text
from tests.support.caller import Call, Caller, encoded, joined
from tests.support.cluster import Node
from tests.support.pid1 import until

VERSION, APPLY = "machine.MachineService/Version", "machine.MachineService/ApplyConfiguration"
CERTIFICATES: Final = {"namespace": "secrets", "type": "ApiCertificates.secrets.talos.dev", "id": "api"}
LOGS: Final = {"namespace": "system", "id": "containerd", "follow": True, "tail_lines": -1}
APID = "ichor-apid"
AWAY = 'closing transport due to: connection error: desc = "error reading from server: EOF", '
AWAY += "received prior goaway: code: NO_ERROR"


@contextmanager
def _followed(spare: Node, caller: Caller) -> Iterator[tuple[Call, int]]:
    """A log that is followed, and the pipe by which its service writes it."""
    pipe = os.open(f"/proc/{spare.pid('containerd')}/fd/1", os.O_WRONLY)
    try:
        following = caller.open("machine.MachineService/Logs", LOGS, wait=True)
        assert following.next(), following.end
        yield following, pipe
        following.cancel()
        following.rest()
    finally:
        os.close(pipe)


def _hears(following: Call, pipe: int, words: str) -> None:
    """What is written now arrives, once."""
    line = f"{words}\n".encode()
    os.write(pipe, line)
    data = b""
    while not data.endswith(line):
        message = following.next()
        assert message is not None, following.end
        data += joined([message])
    assert data.count(line) == 1


def _ends(calls: list[Call]) -> set[tuple[str, str]]:
    return {(end.code, end.error) for end in (call.rest().end for call in calls)}


def test_the_door_is_replaced_under_calls_and_a_stream(spare: Node, spare_caller: Caller) -> None:
    old = spare.pid(APID)
    with _followed(spare, spare_caller) as (following, pipe):
        calls = [spare_caller.open(VERSION, wait=True) for _ in range(100)]
        os.kill(old, signal.SIGTERM)
        calls += [spare_caller.open(VERSION, wait=True) for _ in range(100)]
        _hears(following, pipe, "the door waits for who is inside")
    assert _ends(calls) == {("OK", "")}
    until(lambda: spare.pid(APID) not in (0, old), what="another apid")


@pytest.mark.slow
def test_who_outstays_the_drain_is_sent_away(spare: Node, spare_caller: Caller) -> None:
    with _followed(spare, spare_caller) as (following, pipe):
        spare.kill(APID, signal.SIGTERM)
        _hears(following, pipe, "the door waits for who is inside, but not for ever")
        end = following.rest().end
    assert (end.code, end.error) == ("Unavailable", AWAY)
    assert spare_caller.call(VERSION, wait=True).end.code == "OK"


def test_another_certificate_is_shown_and_nobody_is_disturbed(spare: Node, spare_caller: Caller) -> None:
    watch = spare_caller.open("cosi.resource.State/Watch", CERTIFICATES | {"api_version": 1}, wait=True)
    assert [watch.next(), watch.next()][0] == {}
    names = merge_text(read(spare.config, "config"), b"machine: {certSANs: [another.test]}")
    with _followed(spare, spare_caller) as (following, pipe):
        for config, named in ((names, True), (spare.config, False)):
            calls = [spare_caller.open(VERSION) for _ in range(50)]
            applied = spare_caller.open(APPLY, {"data": encoded(config), "mode": "AUTO"})
            changed = watch.next()
            calls += [spare_caller.open(VERSION) for _ in range(50)]
            assert _ends([*calls, applied]) == {("OK", "")}
            assert changed is not None, watch.end
            until(lambda: ("another.test" in _shown(spare)) is named, what="the certificate at the door")  # noqa: B023
            _hears(following, pipe, "nobody was disturbed")
    watch.cancel()


def _shown(node: Node) -> str:
    """The certificate that new connections see, as openssl describes it."""
    command = ["openssl", "s_client", "-connect", node.endpoint, "-alpn", "h2", "-showcerts"]
    shown = subprocess.run(command, input=b"", capture_output=True, check=False).stdout
    text = subprocess.run(["openssl", "x509", "-noout", "-text"], input=shown, capture_output=True, check=True)
    return text.stdout.decode()
