"""Configs as the format's client applies them, by grpc-go: every mode, a trial until it reverts, what is refused, and
how large they and their answers may be."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from google.protobuf import json_format

from core.config.load import read
from core.config.merge import merge_text
from core.rpc.pb.resource.config.config_pb2 import MachineConfigSpec
from core.rpc.pb.v1alpha1.state_pb2 import GetResponse
from tests.support.caller import Answer, Call, Caller, Message, encoded
from tests.support.cluster import Node

APPLY, GET, WATCH = "machine.MachineService/ApplyConfiguration", "cosi.resource.State/Get", "cosi.resource.State/Watch"
HOSTNAME: Final = {"namespace": "network", "type": "HostnameStatuses.net.talos.dev", "id": "hostname"}
CONFIG: Final = {"namespace": "config", "type": "MachineConfigs.config.talos.dev"}
LIMIT: Final = 32 << 20
FRAME: Final = 5  # bytes that tag and length of such a field take
LARGEST: Final = 16 << 20
NOW = "Applied configuration without a reboot"
UNUSED = "is not acted on by this node yet"
STAGED = "Staged configuration to be applied after the next reboot"


@pytest.fixture(autouse=True)
def as_before(spare: Node, spare_caller: Caller) -> Iterator[None]:
    """In the end the node has the config and the name it began with."""
    yield
    assert _apply(spare_caller, spare.config).end.code == "OK"
    with _names(spare_caller) as names:
        while _name(names)[1] != spare.name:
            pass


@pytest.fixture
def names(spare_caller: Caller) -> Iterator[Call]:
    with _names(spare_caller) as watch:
        yield watch


@contextmanager
def _names(caller: Caller) -> Iterator[Call]:
    """The watch that `get hostname --watch` makes; its first message is taken."""
    watch = caller.open(WATCH, {**HOSTNAME, "api_version": 1})
    assert watch.next() == {}
    yield watch
    watch.cancel()


def _apply(caller: Caller, data: bytes, mode: str = "AUTO", **more: Any) -> Answer:
    return caller.call(APPLY, {"data": encoded(data), "mode": mode, **more})


def _renamed(node: Node, name: str) -> bytes:
    return merge_text(read(node.config, "config"), f"machine: {{network: {{hostname: {name}}}}}".encode())


def _name(watch: Call) -> tuple[str, str]:
    """What happened next, and the name since then."""
    message = watch.next()
    assert message is not None, watch.end
    (event,) = message["event"]
    (line,) = [line for line in event["resource"]["spec"]["yaml_spec"].splitlines() if line.startswith("hostname:")]
    return event.get("event_type", "CREATED"), line.removeprefix("hostname: ")


def _said(answer: Answer) -> Message:
    (message,) = answer.only["messages"]
    assert "metadata" not in message
    assert all(warning.endswith((UNUSED, "means nothing in a container")) for warning in message.pop("warnings"))
    assert isinstance(message, dict)
    return message


def _stored(caller: Caller, which: str) -> bytes:
    """A MachineConfig as clients in Go decode it; what `get` prints is the same, set in."""
    spec = caller.call(GET, {**CONFIG, "id": which}).only["resource"]["spec"]
    text = "".join(line[2:] for line in spec["yaml_spec"].partition("\n")[2].splitlines(keepends=True))
    data = MachineConfigSpec.FromString(base64.b64decode(spec["proto_spec"])).yaml_marshalled
    assert text.encode() == data
    return data


@pytest.mark.parametrize(("mode", "name"), [("AUTO", "automatic"), ("NO_REBOOT", "running")])
def test_in_force_at_once(spare: Node, spare_caller: Caller, names: Call, mode: str, name: str) -> None:
    assert _name(names) == ("CREATED", spare.name)
    said = _said(_apply(spare_caller, _renamed(spare, name), mode))
    assert said == {"mode": "NO_REBOOT", "mode_details": NOW}
    assert _name(names) == ("UPDATED", name)


def test_staged_is_stored_and_nothing_else(spare: Node, spare_caller: Caller) -> None:
    wanted = _renamed(spare, "staged")
    assert _said(_apply(spare_caller, wanted, "STAGED")) == {"mode": "STAGED", "mode_details": STAGED}
    assert _stored(spare_caller, "persistent") == wanted
    assert (spare.root / "system/state/config.yaml").read_bytes() == wanted
    assert _stored(spare_caller, "v1alpha1") == spare.config


def test_a_trial_reverts_at_its_deadline(spare: Node, spare_caller: Caller, names: Call) -> None:
    assert _name(names) == ("CREATED", spare.name)
    said = _said(_apply(spare_caller, _renamed(spare, "tried"), "TRY", try_mode_timeout="2.500s"))
    assert said == {"mode": "TRY", "mode_details": "Applied configuration for 2.5s, then it reverts"}
    assert _stored(spare_caller, "persistent") == spare.config
    assert [_name(names) for _ in range(2)] == [("UPDATED", "tried"), ("UPDATED", spare.name)]
    assert _stored(spare_caller, "v1alpha1") == spare.config


def test_a_trial_may_be_replaced_and_taken_for_good(spare: Node, spare_caller: Caller, names: Call) -> None:
    assert _name(names) == ("CREATED", spare.name)
    for name in ("first", "second"):
        assert _apply(spare_caller, _renamed(spare, name), "TRY").end.code == "OK"
        assert _name(names) == ("UPDATED", name)
    assert _apply(spare_caller, _renamed(spare, "second")).end.code == "OK"
    assert _stored(spare_caller, "v1alpha1") == _stored(spare_caller, "persistent") == _renamed(spare, "second")


def test_a_dry_run_tells_and_does_nothing(spare: Node, spare_caller: Caller) -> None:
    said = _said(_apply(spare_caller, _renamed(spare, "dry"), "TRY", dry_run=True))
    assert said["mode"] == "TRY"
    first, *difference = said["mode_details"].splitlines()
    assert first == "Dry run summary:"
    assert [line for line in difference if line[:1] in ("+", "-")] == [
        *("--- in force", "+++ new"),
        *("-  network: {}", "+  network:", "+    hostname: dry"),
    ]
    assert _said(_apply(spare_caller, spare.config, dry_run=True))["mode_details"] == "Dry run summary:\nNo changes.\n"
    assert _stored(spare_caller, "v1alpha1") == _stored(spare_caller, "persistent") == spare.config


REBOOTS = "a running node is not rebooted to apply a config; use mode auto, staged or try"
NO_TRIAL = "a trial of {} s is none; try for up to a day"
SYNTAX = "config:2:1: while parsing a flow node, did not find expected node content"
NAME = "config:14:15: machine.network.hostname: not a host name (found '$$$')"
NAME += "; labels of letters, digits and inner hyphens, at most 63 characters each"


@pytest.mark.parametrize(
    ("data", "more", "code", "why"),
    [
        (None, {"mode": "REBOOT"}, "Unimplemented", REBOOTS),
        (
            None,
            {"mode": "TRY", "try_mode_timeout": "-1s"},
            "InvalidArgument",
            "a trial of -1 s is none; try for up to a day",
        ),
        (
            None,
            {"mode": "TRY", "try_mode_timeout": "90000s"},
            "InvalidArgument",
            "a trial of 90000 s is none; try for up to a day",
        ),
        (b"", {}, "InvalidArgument", "config:1:1: no config in the text; start with `machine:`"),
        (b"machine: [", {}, "InvalidArgument", SYNTAX),
        (b"$$$", {}, "InvalidArgument", NAME),
    ],
)
def test_what_is_refused(
    spare: Node, spare_caller: Caller, data: bytes | None, more: Message, code: str, why: str
) -> None:
    if data in (None, b"$$$"):
        data = _renamed(spare, "refused").replace(b"refused", data or b"refused")
    answer = _apply(spare_caller, data or b"", **more)
    assert (answer.end.code, answer.end.error, answer.messages) == (code, why, [])
    assert _stored(spare_caller, "v1alpha1") == _stored(spare_caller, "persistent") == spare.config


def test_a_request_has_at_most_32_mib(spare_caller: Caller) -> None:
    read = spare_caller.call(APPLY, fill=LIMIT - FRAME)
    assert (read.end.code, read.end.error) == ("Unimplemented", REBOOTS)
    refused = spare_caller.call(APPLY, fill=LIMIT - FRAME + 1)
    assert (refused.end.code, refused.end.error) == ("ResourceExhausted", "message is larger than the limit")


def _large(config: bytes, letter: bytes, size: int) -> bytes:
    """The same with comments: lines that change, and one that makes up the size."""
    text = config + b"#%c\n" % letter * 20_000
    return text + b"#" + letter * (size - len(text) - 2) + b"\n"


def test_a_config_of_10_7_mib_is_applied(spare: Node, spare_caller: Caller) -> None:
    large = _large(spare.config, b"x", 11_219_763)
    assert _said(_apply(spare_caller, large)) == {"mode": "NO_REBOOT", "mode_details": NOW}
    assert _stored(spare_caller, "v1alpha1") == large
    assert (spare.root / "system/state/config.yaml").read_bytes() == large


@pytest.mark.slow
def test_an_answer_has_at_most_32_mib(spare: Node, spare_caller: Caller) -> None:
    """A config comes twice, as bytes and as text that is set in by two spaces a line."""
    largest = _large(spare.config, b"x", LARGEST - (1 << 15))
    assert _apply(spare_caller, largest).end.code == "OK"
    whole = spare_caller.call(GET, {**CONFIG, "id": "v1alpha1"}).only
    assert 0 <= LIMIT - json_format.Parse(json.dumps(whole), GetResponse()).ByteSize() < 1 << 15
    assert _stored(spare_caller, "v1alpha1") == largest
    assert _apply(spare_caller, _large(spare.config, b"x", LARGEST)).end.code == "OK"
    over = spare_caller.call(GET, {**CONFIG, "id": "v1alpha1"})
    assert (over.end.code, over.end.error) == ("ResourceExhausted", "message is larger than the limit")
    refused = _apply(spare_caller, _large(spare.config, b"x", LARGEST + 1))
    why = f"config:1:1: {LARGEST + 1} bytes of YAML, at most {LARGEST} are read"
    assert (refused.end.code, refused.end.error) == ("InvalidArgument", why)
