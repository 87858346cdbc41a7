"""What must stay secret is looked for in all that a node says and keeps where others than root may read: logs, kernel
log, events, console, resources as a reader sees them, files, command lines. And what it dumps when it dies: nothing."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from core.base.clock import SystemClock
from core.config import bundle
from core.pki import issue
from core.pki.types import Client, Pair
from core.rpc.client import Channel
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.v1alpha1 import state_pb2 as state
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from tests.support import needles
from tests.support.cluster import DAEMONS, Node

PLACES = ("run", "system", "tmp", "var", "etc", "dev/shm")
LARGEST = 4 << 20


async def _config(channel: Channel) -> bytes:
    request = state.GetRequest(namespace="config", type="MachineConfigs.config.talos.dev", id="v1alpha1")
    answer = await channel.unary("/cosi.resource.State/Get", request, state.GetResponse)
    return answer.SerializeToString()


async def _resources(channel: Channel) -> dict[str, bytes]:
    """Every resource of every type that the caller may see."""
    definitions = state.ListRequest(namespace="meta", type="ResourceDefinitions.meta.cosi.dev")
    said: dict[str, bytes] = {}
    seen = denied = 0
    async for answer in channel.server_stream("/cosi.resource.State/List", definitions, state.ListResponse):
        text = answer.resource.spec.yaml_spec
        fields = dict(line.split(": ", 1) for line in text.splitlines() if line.startswith(("type: ", "defaultNamesp")))
        request = state.ListRequest(namespace=fields["defaultNamespace"].strip('"'), type=fields["type"])
        try:
            resources = channel.server_stream("/cosi.resource.State/List", request, state.ListResponse)
            said[f"resources {request.type}"] = b"".join([each.SerializeToString() async for each in resources])
            seen += 1
        except RpcError as error:
            assert error.code is Code.PERMISSION_DENIED
            denied += 1
    assert seen > 50
    assert denied > 5
    return said


async def _logs(channel: Channel) -> dict[str, bytes]:
    """Every log, and the kernel's."""
    said = {}
    answer = await channel.unary("/machine.MachineService/LogsContainers", Empty(), pb.LogsContainersResponse)
    for name in answer.messages[0].ids:
        request = pb.LogsRequest(namespace="system", id=name, tail_lines=-1)
        stream = channel.server_stream("/machine.MachineService/Logs", request, common_pb2.Data)
        said[f"log {name}"] = b"".join([part.bytes async for part in stream])
    dmesg = channel.server_stream("/machine.MachineService/Dmesg", pb.DmesgRequest(), common_pb2.Data)
    said["kernel log"] = b"".join([part.bytes async for part in dmesg])
    return said


def _files(node: Node) -> Iterator[tuple[str, bytes]]:
    """What others than root may read, where the node writes."""
    for place in PLACES:
        for folder, _, names in os.walk(node.root / place):
            for name in names:
                path = Path(folder, name)
                try:
                    status = path.lstat()
                    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o044 and status.st_size <= LARGEST:
                        yield f"file {path.relative_to(node.root)}", path.read_bytes()
                except OSError:
                    continue  # it went while it was looked at


def _processes(node: Node) -> Iterator[tuple[str, bytes]]:
    """How each was started."""
    for pid in node.processes():
        for name in ("cmdline", "environ"):
            try:
                yield f"{name} of {pid}", Path(f"/proc/{pid}/{name}").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue  # a short worker's end


def test_what_is_secret_is_said_and_kept_nowhere(node: Node) -> None:
    folder = node.home.places.cluster(node.cluster.spec.name)
    secrets = bundle.load((folder / "secrets.yaml").read_bytes())
    sought = needles.of(node, secrets)
    # looking for them finds them; a node by itself has no token to join Kubernetes with
    elsewhere = {"apid's key", "apid's client key", "the bootstrap token"}
    assert needles.within(sought, node.call(_config)) == [name for name in sought if name not in elsewhere]
    own = issue.client(Client(SystemClock().now(), Pair(secrets.certs.os.crt, secrets.certs.os.key), ("os:reader",)))
    reader = ClientTLS(secrets.certs.os.crt, own.crt, own.key)
    said = {**node.call(_resources, reader), **node.call(_logs, reader), "console": node.console().encode()}
    said |= dict(_files(node))
    said["events"] = node.ichorctl("events", "--tail", "-1", "--for", "1", "-o", "json").out.encode()
    assert b"MachineStatusEvent" in said["events"]
    said |= dict(_processes(node))
    assert len(said) > 100
    assert not [(where, what) for where, data in said.items() for what in needles.within(sought, data)]


def test_nobody_may_look_into_our_daemons(node: Node) -> None:
    """A process that cannot be dumped belongs to root in /proc, whoever it runs as, and leaves no core."""
    for name in DAEMONS[2:]:
        pid = node.pid(name)
        uid = int(Path(f"/proc/{pid}/status").read_text().split("\nUid:\t")[1].split()[0])
        assert uid in (50, 51)
        assert Path(f"/proc/{pid}/environ").stat().st_uid == 0
