"""Commands that change a node, as the format's client plays them, by grpc-go: on one node, from its second config to
its end. Each test makes just the calls that the table says (tests/e2e/calls.py)."""

import base64
import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from core.config import bundle, client
from core.pki import issue, keys, requests
from core.pki.types import Algorithm, Authority, Client, Pair
from core.rpc.tls import ClientTLS
from tests.e2e.calls import DEFINITIONS, FLOWS, Message
from tests.e2e.sequences import REBOOT, RESET, TYPE, steps
from tests.node.containers import oci
from tests.support import cluster
from tests.support.caller import Call, Caller, calling, encoded
from tests.support.cluster import Node
from tests.support.netns import Namespace
from tests.support.pid1 import until
from tests.support.registry import PASSWORD, USER, registry
from tests.support.timeserver import answer

MACHINE = "machine.MachineService/"
BOOT_ID = {"path": "/proc/sys/kernel/random/boot_id"}
CHECK = "imagecheck"
Flow = Callable[[str], AbstractContextManager[Caller]]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    patch = b"machine:\n  time:\n    servers: [127.0.0.1]\n"
    with cluster.running(tmp_path_factory.mktemp("flows"), "flows", patches=((patch, "time"),)) as (made,):
        yield made


@pytest.fixture
def flow(node: Node, tmp_path: Path) -> Flow:
    """A client that must have made the calls of a command when it is left."""

    @contextmanager
    def begin(command: str) -> Iterator[Caller]:
        with calling(node.endpoint, node.context(), tmp_path, pings=10) as caller:
            yield caller
            assert tuple(call for call, _ in groupby(caller.made)) == FLOWS[command]

    return begin


def test_apply_config(flow: Flow, node: Node) -> None:
    config = node.home.places.cluster(node.cluster.spec.name) / "controlplane.yaml"
    with flow("apply-config") as caller:
        assert caller.call(MACHINE + "Version").only
        request = {"data": encoded(config.read_bytes()), "mode": "AUTO", "dry_run": True}
        (said,) = caller.call(MACHINE + "ApplyConfiguration", request).only["messages"]
        assert "Dry run summary" in said["mode_details"]
        broken = caller.call(MACHINE + "ApplyConfiguration", {"data": encoded(b"machine: ["), "mode": "AUTO"})
        assert broken.end.code == "InvalidArgument"


def test_edit_patch(flow: Flow) -> None:
    """What is in force, read and given back with something more."""
    with flow("edit, patch") as caller:
        caller.call(DEFINITIONS.rpc, DEFINITIONS.request)
        config = {"namespace": "config", "type": "MachineConfigs.config.talos.dev", "id": "v1alpha1"}
        read = caller.call("cosi.resource.State/Get", config).only["resource"]["spec"]["yaml_spec"]
        text = yaml.safe_load(yaml.safe_load(read))  # a document that is a text
        text["machine"]["sysctls"] = {"net.ipv4.ip_default_ttl": "65"}
        request = {"data": encoded(yaml.safe_dump(text).encode()), "mode": "AUTO"}
        (said,) = caller.call(MACHINE + "ApplyConfiguration", request).only["messages"]
        assert said["mode"] == "NO_REBOOT"


def test_rotate_ca(flow: Flow, node: Node, tmp_path: Path) -> None:
    """The first of the three configs, a client of the new authority, and back."""
    config = {"namespace": "config", "type": "MachineConfigs.config.talos.dev", "id": "v1alpha1"}
    with flow("rotate-ca") as caller:
        read = caller.call("cosi.resource.State/Get", config).only["resource"]["spec"]["yaml_spec"]
        text = yaml.safe_load(read)  # a document that is a text
        new = issue.authority(Authority(time.time(), Algorithm.ED25519, "talos"))
        more = yaml.safe_load(text)
        more["machine"]["acceptedCAs"] = [{"crt": encoded(new.crt)}]
        for applied, answers in ((yaml.safe_dump(more), True), (text, False)):
            request = {"data": encoded(applied.encode()), "mode": "NO_REBOOT"}
            assert caller.call(MACHINE + "ApplyConfiguration", request).only
            assert caller.call(MACHINE + "Version").only
            until(partial(_agrees, node, _holder(node, new), answers=answers), what="a door that acts on its config")


def _agrees(node: Node, tls: ClientTLS, *, answers: bool) -> bool:
    return node.lets_in(tls) is answers


def _holder(node: Node, authority: Pair) -> ClientTLS:
    """Who believes the node and has a certificate of this authority."""
    mine = issue.client(Client(time.time(), authority, ("os:reader",)))
    return ClientTLS(client.load(node.home.client_file.read_bytes()).get().ca, mine.crt, mine.key)


def _state(caller: Caller, service: str) -> str:
    (answer,) = caller.call(MACHINE + "ServiceList").only["messages"]
    return next(str(one["state"]) for one in answer["services"] if one["id"] == service)


def test_service_start_stop(flow: Flow) -> None:
    with flow("service start, stop") as caller:
        assert "started" in caller.call(MACHINE + "ServiceStart", {"id": CHECK}).only["messages"][0]["resp"]
        assert _state(caller, CHECK) != "Initialized"
        assert "stopped" in caller.call(MACHINE + "ServiceStop", {"id": CHECK}).only["messages"][0]["resp"]
        assert _state(caller, CHECK) in ("Finished", "Failed")


def test_service_restart(flow: Flow) -> None:
    with flow("service restart") as caller:
        assert "restarted" in caller.call(MACHINE + "ServiceRestart", {"id": CHECK}).only["messages"][0]["resp"]
        assert _state(caller, CHECK) not in ("Finished", "Failed")


def test_image_pull(flow: Flow, node: Node, tmp_path: Path) -> None:
    """From a registry that the config names while the node runs: a mirror on the host that wants a password. The
    container runtime is renewed for that, and nobody else."""
    name, host = "flows.test/lib/a:1", node.address.rpartition(".")[0] + ".1"
    with registry(tmp_path / "registry", f"{host}:0", password=True) as served:
        digest = served.push(oci.layout([oci.layer({"a": b"b"})], name), "lib/a", "1")
        registries = {
            "mirrors": {"flows.test": {"endpoints": [served.url], "skipFallback": True}},
            "config": {served.address: {"auth": {"username": USER, "password": PASSWORD}}},
        }
        node.ichorctl("patch", "mc", "--patch", json.dumps({"machine": {"registries": registries}}))
        pull = ("image", "--namespace", "system", "pull", name)
        until(lambda: f"pulled {name}" in node.ichorctl(*pull, code=None).err, 60)
        assert "starting anew" in node.ichorctl("service", "containerd").out
        where = {"containerd": {"driver": "CRI", "namespace": "NS_SYSTEM"}}
        with flow("image pull") as caller:
            *layers, last = caller.call("machine.ImageService/Pull", where | {"image_ref": name}).messages
            assert last["name"] == name
            assert all("pull_progress" in layer for layer in layers)
            asked = {"namespace": "NS_SYSTEM", "reference": name}
            assert len(caller.call("machine.MachineService/ImagePull", asked).messages) == 1
            (listed,) = [m for m in caller.call("machine.ImageService/List", where).messages if m["name"] == name]
            assert listed["digest"] == digest
            assert caller.call("machine.ImageService/Remove", where | {"image_ref": name}).end.code == "OK"
        assert "not found" in node.ichorctl("image", "pull", "flows.test/lib/none:1", code=1).err
    assert PASSWORD in node.ichorctl("get", "registryconfigs", "-o", "yaml").out
    assert PASSWORD not in node.ichorctl("logs", "machined").out + node.ichorctl("logs", "containerd").out


def test_image_list_image_remove(flow: Flow) -> None:
    name, where = "example.test/nothing:1", {"containerd": {"driver": "CRI", "namespace": "NS_SYSTEM"}}
    image = oci.layout([oci.layer({"a": b"b"})], name)
    chunks = [{"image_chunk": {"bytes": encoded(image[at : at + 1000])}} for at in range(0, len(image), 1000)]
    with flow("image list, image remove") as caller:
        assert caller.call("machine.ImageService/Import", where, *chunks).only["name"] == name
        listed = caller.call("machine.ImageService/List", where).messages
        assert name in {one["name"] for one in listed}
        assert name in {one["name"] for one in caller.call(MACHINE + "ImageList", {"namespace": "NS_SYSTEM"}).messages}
        assert caller.call("machine.ImageService/Remove", where | {"image_ref": name}).end.code == "OK"


def test_debug(flow: Flow, node: Node, tmp_path: Path) -> None:
    name, where = "example.test/echo:1", {"containerd": {"driver": "CRI", "namespace": "NS_SYSTEM"}}
    image = oci.layout([oci.layer({"hello": oci.compiled(tmp_path)})], name)
    with flow("debug") as caller:
        caller.call("machine.ImageService/Import", where, {"image_chunk": {"bytes": encoded(image)}})
        spec = {"spec": where | {"image_name": name, "args": ["/hello", "echo"]}}
        said = caller.call("machine.DebugService/ContainerRun", spec, {"stdin_data": encoded(b"to and fro")})
        *out, last = said.messages
        assert b"".join(base64.b64decode(message["stdout_data"]) for message in out) == b"to and fro"
        assert last == {"exit_code": 7}
        assert caller.call("machine.ImageService/Remove", where | {"image_ref": name}).end.code == "OK"
    assert not list((node.root / "run/ichor/debug").iterdir())


@contextmanager
def _time_server(node: Node) -> Iterator[None]:
    """One on the node's own loopback."""
    space = os.open(f"/proc/{node.init}/ns/net", os.O_RDONLY)
    try:
        sock = Namespace(node.init, space).udp("127.0.0.1", 123)
    finally:
        os.close(space)

    def serve() -> None:
        while question := sock.recvfrom(100):
            if not question[0]:
                return
            sock.sendto(answer(question[0], time.time(), time.time()), question[1])

    with sock:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            sock.sendto(b"", sock.getsockname())
            thread.join()


def test_time_time_check(flow: Flow, node: Node) -> None:
    with flow("time, time --check") as caller, _time_server(node):
        for method, request in (("Time", {}), ("TimeCheck", {"server": "127.0.0.1"})):
            (said,) = caller.call(f"time.TimeService/{method}", request).only["messages"]
            assert said["server"] == "127.0.0.1"
            assert said["remotetime"]


def test_a_node_that_joins(node: Node, tmp_path: Path) -> None:
    path = node.home.places.cluster(node.cluster.spec.name) / "secrets.yaml"
    secrets = bundle.load(path.read_bytes(), path.name)
    context = client.Context(ca=secrets.certs.os.crt)
    csr = requests.new(keys.dump(keys.new(Algorithm.ED25519)), "w-1", ("w-1",), (_own_address(node),))
    with calling(f"{node.address}:50001", context, tmp_path) as caller:
        request = {"csr": encoded(csr)}
        for token, code in (("wrong", "Unauthenticated"), (secrets.trustd.token, "OK")):
            said = caller.call("securityapi.SecurityService/Certificate", request, metadata=[("token", token)])
            assert said.end.code == code, said.end
        assert b"BEGIN CERTIFICATE" in base64.b64decode(said.only["crt"])
        assert tuple(caller.made[:1]) == FLOWS["(a node that joins)"]


def _own_address(node: Node) -> str:
    """This machine's, as the node sees it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((node.address, 50001))
        return str(probe.getsockname()[0])


def _boot_id(caller: Caller) -> str:
    (message,) = caller.call(MACHINE + "Read", BOOT_ID).messages
    return base64.b64decode(message["bytes"]).decode()


def _until(events: Call, holds: Callable[[Message], object]) -> None:
    """Take events until one is so."""
    while not holds(event := events.next() or pytest.fail(f"the stream has ended: {events.end}")):
        assert event


def _goes_down(actor: str) -> Callable[[Message], object]:
    def holds(event: Message) -> bool:
        said = event.get("data", {})
        return event.get("actor_id") == actor and (said.get("task") == "stopAllServices" or "sequence" in said)

    return holds


def _is_ready(event: Message) -> object:
    said = event.get("data", {})
    return said.get("stage") == "RUNNING" and said["status"].get("ready", False)


def test_reboot(flow: Flow, node: Node) -> None:
    """With all that `--wait` and `--debug` look at."""
    with flow("reboot") as caller:
        (version,) = caller.call(MACHINE + "Version").only["messages"]
        assert re.fullmatch(r"v\d+\.\d+\.\d+-ichor\.\d+\.\d+\.\d+", version["version"]["tag"])
        assert (version["features"], version["platform"]) == (
            {"rbac": True},
            {"name": "container", "mode": "container"},
        )
        events = caller.open(MACHINE + "Events", {"tail_events": 0})
        hello = events.next() or {}
        assert hello == {"data": {}, "id": hello["id"]}
        before = _boot_id(caller)
        (reply,) = caller.call(MACHINE + "Reboot", {"mode": "DEFAULT"}).only["messages"]
        assert list(reply) == ["actor_id"]
        assert uuid.UUID(reply["actor_id"]).version == 4
        told = events.rest()
        own = [event["data"] for event in told.messages if event.get("actor_id") == reply["actor_id"]]
        assert {"@type": f"{TYPE}TaskEvent", "task": "stopAllServices"} in own
        assert own == steps("reboot", REBOOT)[: len(own)]
        assert "REBOOTING" in {event["data"].get("stage") for event in told.messages}
        assert told.end.code == "Unavailable"
        again = _lasting(caller, MACHINE + "Events", {"tail_events": -1})
        _until(again, _is_ready)
        again.cancel()
        assert _boot_id(caller) != before
    assert node.run.boots == 2


def test_reset(flow: Flow, node: Node) -> None:
    """Of one volume, so that the node comes back as who it was."""
    (node.root / "var/mnt/kept").touch()
    boots = node.run.boots
    with flow("reset") as caller:
        assert caller.call(MACHINE + "Version").only
        events = caller.open(MACHINE + "Events", {"tail_events": 0})
        assert events.next() is not None
        before = _boot_id(caller)
        partitions = [{"label": "EPHEMERAL", "wipe": True}]
        request = {"graceful": True, "reboot": True, "system_partitions_to_wipe": partitions}
        (reply,) = caller.call(MACHINE + "Reset", request).only["messages"]
        told = events.rest()
        own = [event["data"] for event in told.messages if event.get("actor_id") == reply["actor_id"]]
        assert own[: len(steps("reset", RESET)) - 1] == steps("reset", RESET)[:-1]
        assert "RESETTING" in {event["data"].get("stage") for event in told.messages}
        again = _lasting(caller, MACHINE + "Events", {"tail_events": -1})
        _until(again, _is_ready)
        again.cancel()
        assert _boot_id(caller) != before
    assert node.run.boots == boots + 1
    assert not (node.root / "var/mnt/kept").exists()
    assert (node.root / "var/mnt").is_dir()


def _lasting(caller: Caller, method: str, request: Message) -> Call:
    """Its first message is here: tried again when what is on its way down was still there to take the call."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        call = caller.open(method, request, wait=True)
        if call.next() is not None:
            return call
    raise AssertionError(call.end)


def test_shutdown(flow: Flow, node: Node) -> None:
    with flow("shutdown") as caller:
        assert caller.call(MACHINE + "Version").only
        events = caller.open(MACHINE + "Events")
        assert events.next() is not None
        assert _boot_id(caller)
        (reply,) = caller.call(MACHINE + "Shutdown").only["messages"]
        _until(events, _goes_down(reply["actor_id"]))
        assert events.rest().end.code == "Unavailable"
    node.await_end()
