"""The Kubeconfig call: an administrator's kubeconfig as clients unpack it, from a control plane alone."""

import base64
import io
import json
import subprocess
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from google.protobuf.empty_pb2 import Empty

from core.cluster.kubernetes.kubeconfig import connect
from core.config.load import load
from core.config.merge import merge
from core.node.api.machine import kubeconfig
from core.node.controllers.config import machine_type
from core.node.controllers.secrets.kubernetes import kubernetes_root
from core.node.resources.config import MachineConfig
from core.pki import der, pem
from core.rpc.pb.common import common_pb2
from core.rpc.status import Code, RpcError
from tests.node.api.calls import Caller, calling
from tests.node.controllers.house import House
from tests.node.trust.house import CONFIG, WORKER, work
from tests.support.clock import FakeClock, on_loop, settle


@asynccontextmanager
async def _node(config: bytes) -> AsyncIterator[tuple[Caller, FakeClock]]:
    clock = FakeClock(1_900_000_000.0)
    house = House(clock, [kubernetes_root(), machine_type()])
    node: Any = SimpleNamespace(store=house.store, work=work, clock=clock)
    async with house.running(), calling(kubeconfig.methods(node)) as caller:
        if config:
            house.put("v1alpha1", MachineConfig(yaml_marshalled=config))
        await settle()
        yield caller, clock


async def _fetch(caller: Caller) -> dict[str, Any]:
    (message,) = await caller.all("Kubeconfig", common_pb2.Data, Empty())
    with tarfile.open(fileobj=io.BytesIO(message.bytes), mode="r:gz") as archive:
        (member,) = archive.getmembers()
        assert (member.name, member.mode) == ("kubeconfig", 0o600)
        held = archive.extractfile(member)
        assert held is not None
        data = held.read()
    connect(data)
    found: dict[str, Any] = yaml.safe_load(data)
    return found


@on_loop
async def test_an_administrator_of_the_cluster_for_a_year() -> None:
    async with _node(CONFIG) as (caller, clock):
        found = await _fetch(caller)
        assert found["current-context"] == "admin@c"
        cluster, user = found["clusters"][0]["cluster"], found["users"][0]["user"]
        settings = load(CONFIG).v1alpha1.cluster
        assert settings.ca is not None
        assert cluster["server"] == settings.control_plane.endpoint
        assert base64.b64decode(cluster["certificate-authority-data"]) == settings.ca.crt
        crt = base64.b64decode(user["client-certificate-data"])
        facts = der.read(pem.certificates(crt)[0])
        assert (facts.common_name, facts.organizations) == ("admin", ("system:masters",))
        assert facts.not_after == clock.now() + 8760 * 3600
    command = ["openssl", "x509", "-noout", "-ext", "extendedKeyUsage"]
    shown = subprocess.run(command, input=crt, capture_output=True, check=True).stdout  # noqa: ASYNC221
    assert b"TLS Web Client Authentication\n" in shown


@on_loop
async def test_for_as_long_as_the_config_says() -> None:
    patch = json.dumps({"cluster": {"adminKubeconfig": {"certLifetime": "2h"}}}).encode()
    async with _node(merge(load(CONFIG), patch).text) as (caller, clock):
        user = (await _fetch(caller))["users"][0]["user"]
        facts = der.read(pem.certificates(base64.b64decode(user["client-certificate-data"]))[0])
        assert facts.not_after == clock.now() + 2 * 3600


@pytest.mark.parametrize(("config", "why"), [(WORKER, "only a control plane"), (b"", "only a control plane")])
@on_loop
async def test_nobody_else_makes_one(config: bytes, why: str) -> None:
    async with _node(config) as (caller, _):
        with pytest.raises(RpcError, match=why) as refused:
            await _fetch(caller)
        assert refused.value.code is Code.UNIMPLEMENTED
