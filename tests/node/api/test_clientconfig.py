"""GenerateClientConfiguration: who gets which certificate for how long, and who none."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from core.config import client
from core.node.api.machine import clientconfig
from core.node.controllers.config import machine_type
from core.node.controllers.secrets import os_root
from core.node.resources.config import MachineConfig
from core.pki import der, pem
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.node.api.calls import Caller, calling
from tests.node.controllers.house import House
from tests.node.trust.house import CONFIG, SECRETS, WORKER, work
from tests.support.clock import FakeClock, on_loop, settle

CALL = "GenerateClientConfiguration"


@asynccontextmanager
async def _node(config: bytes) -> AsyncIterator[tuple[Caller, FakeClock]]:
    clock = FakeClock(1_900_000_000.0)
    house = House(clock, [os_root(), machine_type()])
    node: Any = SimpleNamespace(store=house.store, work=work, clock=clock)
    async with house.running(), calling(clientconfig.methods(node)) as caller:
        if config:
            house.put("v1alpha1", MachineConfig(yaml_marshalled=config))
        await settle()
        yield caller, clock


async def _make(caller: Caller, *roles: str, ttl: int | None = None) -> pb.GenerateClientConfiguration:
    request = pb.GenerateClientConfigurationRequest(roles=roles)
    if ttl is not None:
        request.crt_ttl.FromSeconds(ttl)
    answer = await caller.one(CALL, pb.GenerateClientConfigurationResponse, request)
    return answer.messages[0]


@on_loop
async def test_a_config_for_one_role_is_named_by_it() -> None:
    async with _node(CONFIG) as (caller, clock):
        made = await _make(caller, "os:reader", ttl=3600)
        config = client.load(made.talosconfig)
        assert config.context == "reader@c"
        context = config.get()
        assert (context.ca, context.crt, context.key) == (made.ca, made.crt, made.key)
        assert made.ca == SECRETS.certs.os.crt
        facts = der.read(pem.certificates(made.crt)[0])
        assert facts.organizations == ("os:reader",)
        assert facts.not_after == clock.now() + 3600
    command = ["openssl", "x509", "-noout", "-ext", "extendedKeyUsage"]
    shown = subprocess.run(command, input=made.crt, capture_output=True, check=True).stdout  # noqa: ASYNC221
    assert b"TLS Web Client Authentication\n" in shown


@on_loop
async def test_a_day_when_nothing_is_said_and_never_longer_than_the_authority() -> None:
    async with _node(CONFIG) as (caller, clock):
        made = await _make(caller, "os:admin", "os:reader", "os:admin")
        facts = der.read(pem.certificates(made.crt)[0])
        assert facts.organizations == ("os:admin", "os:reader")
        assert facts.not_after == clock.now() + 86400
        assert client.load(made.talosconfig).context == "c"
        for ttl in (10**11, 10**15):
            longest = der.read(pem.certificates((await _make(caller, "os:admin", ttl=ttl)).crt)[0])
            assert longest.not_after == der.read(pem.certificates(SECRETS.certs.os.crt)[0]).not_after


@pytest.mark.parametrize(
    ("config", "roles", "ttl", "code"),
    [
        (CONFIG, (), None, Code.INVALID_ARGUMENT),
        (CONFIG, ("os:impersonator",), None, Code.INVALID_ARGUMENT),
        (CONFIG, ("os:admin", "system:masters"), None, Code.INVALID_ARGUMENT),
        (CONFIG, ("os:admin",), 0, Code.INVALID_ARGUMENT),
        (CONFIG, ("os:admin",), -5, Code.INVALID_ARGUMENT),
        (WORKER, ("os:admin",), None, Code.UNIMPLEMENTED),
        (b"", ("os:admin",), None, Code.UNIMPLEMENTED),
    ],
)
@on_loop
async def test_what_is_not_given(config: bytes, roles: tuple[str, ...], ttl: int | None, code: Code) -> None:
    async with _node(config) as (caller, _):
        with pytest.raises(RpcError) as caught:
            await _make(caller, *roles, ttl=ttl)
        assert caught.value.code is code
