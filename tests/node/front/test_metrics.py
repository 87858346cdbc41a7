"""GET /metrics at a door before stand-ins for machined: who gets it, when there is none, what stands in it."""

import time
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty

from core.base.errors import NotFound
from core.node.resources.config import AcquireConfigStatus
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.metrics import metrics_pb2
from core.rpc.service import Service, unary
from core.rpc.status import Code
from tests.node.api.test_authorization import ROLES
from tests.node.front.doors import CA, HOSTNAME, VERSION, Machined, answer, certificate, served, tls
from tests.support.clock import on_loop
from tests.support.curl import Shown, asked
from tests.support.exposition import values

TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def shown(*roles: str) -> Shown:
    """Who has these roles."""
    mine = certificate(*roles)
    return Shown(CA.crt, mine.crt, mine.key)


class Told(Machined):
    """One that has something to tell, or has it switched off."""

    on = True

    def others(self) -> list[Service]:
        return [Service("ichor.metrics.Metrics", {"Read": unary(self.read, Empty, metrics_pb2.ReadResponse)})]

    async def read(self, ctx: Context, request: Empty) -> metrics_pb2.ReadResponse:
        if not self.on:
            raise NotFound("metrics are off")
        calls = metrics_pb2.Family(name="ichor_rpc_connections", kind="gauge", help="Connections to this server.")
        calls.lines.append('ichor_rpc_connections{daemon="machined"} 7')
        return metrics_pb2.ReadResponse(families=[calls])


@on_loop
async def test_readers_get_it_and_nobody_else(tmp_path: Path) -> None:
    machined = Told()
    async with served(tmp_path, machined) as (_, address):
        machined.join()
        for role in ROLES:
            answer = await asked(tmp_path, address, "/metrics", shown(role))
            assert answer.version == "HTTP/2"
            if role in ("os:admin", "os:operator", "os:reader"):
                assert (answer.status, answer.headers["content-type"]) == (200, TYPE), role
                assert answer.headers["client-certificate-expires"].startswith("20")
            else:
                assert (answer.status, answer.body) == (403, b"not authorized\n"), role
        claimed = ("--header", "talos-role: os:admin")
        assert (await asked(tmp_path, address, "/metrics", shown("somebody"), *claimed)).status == 403
        assert (await asked(tmp_path, address, "/metrics", shown("os:reader"), "--request", "DELETE")).status == 405
        assert (await asked(tmp_path, address, "/metrics/", shown("os:reader"))).status == 405
        machined.on = False
        answer = await asked(tmp_path, address, "/metrics", shown("os:reader"))
        assert (answer.status, answer.body) == (404, b"metrics are off\n")


@on_loop
async def test_what_stands_in_it(tmp_path: Path) -> None:
    machined = Told()
    async with served(tmp_path, machined) as (_, address):
        machined.join()
        async with Channel(address, tls("os:admin")) as channel:
            for _ in range(3):
                await channel.unary(VERSION, Empty(), pb.VersionResponse)
            # passed on and given up, by one side or the other: once in all
            assert await answer(channel, HOSTNAME, timeout=0.05) is Code.DEADLINE_EXCEEDED
            text = (await asked(tmp_path, address, "/metrics", shown("os:reader"))).body.decode()
        found = values(text)
        assert found["ichor_rpc_connections"] == {("machined",): 7, ("apid",): 2}
        assert found["ichor_rpc_duration_seconds_count"]["apid", VERSION, "OK"] == 3
        assert found["ichor_rpc_duration_seconds_bucket"]["apid", VERSION, "OK", "+Inf"] == 3
        ended = {labels: count for labels, count in found["ichor_rpc_duration_seconds_count"].items() if count}
        assert sum(count for (_, method, _), count in ended.items() if method == "other") == 1
        assert found["ichor_certificate_expiry_timestamp_seconds"]["apid",] == pytest.approx(time.time(), abs=90_000)


@on_loop
async def test_without_a_config_it_is_nobody_s(tmp_path: Path) -> None:
    machined = Told()
    async with served(tmp_path, machined) as (_, address):
        machined.house.put("config", AcquireConfigStatus())
        machined.serve_with(verified=False)
        for who in (Shown(), shown("os:admin")):
            assert (await asked(tmp_path, address, "/metrics", who)).status == 403
