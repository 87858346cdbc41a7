"""A Version call: latency and server CPU of our server and of grpcio's, each a process of its own (this module as a
program), driven by one client in alternate rounds."""

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grpc
import uvloop
from google.protobuf.empty_pb2 import Empty

from benchmarks.figures import Figure
from benchmarks.run import Run
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.pb.machine import machine_pb2 as machine
from core.rpc.server import Server
from core.rpc.service import Service, unary
from core.rpc.tls import ClientTLS, ServerTLS

METHOD = "/machine.MachineService/Version"
CALLS, FLIGHT = 1500, 32


class Round(NamedTuple):
    """Microseconds: the median latency of calls one at a time, server CPU for each of them, and for each of many."""

    latency: float
    cpu: float
    many: float


def figures(run: Run) -> Iterator[Figure]:
    """Over mTLS and over a unix socket."""
    with tempfile.TemporaryDirectory() as name:
        certificates(Path(name))
        for title, tls in (("mTLS", True), ("a unix socket", False)):
            ours, theirs = uvloop.run(compare(Path(name), tls, run.rounds(6, 20)))
            for what, field in (("p50", "latency"), ("server CPU", "cpu"), (f"{FLIGHT} in flight", "many")):
                peer = ("grpcio", [getattr(round_, field) for round_ in theirs])
                yield Figure(f"unary over {title}, {what}", "us", [getattr(r, field) for r in ours], peer=peer)


def reply() -> machine.VersionResponse:
    """A reply of usual size, made anew for each call as a handler does."""
    version = machine.VersionInfo(tag="v1.14.0-ichor.0.1.0", sha="4c2f0f7e9b1d4f3a", os="linux", arch="amd64")
    platform = machine.PlatformInfo(name="metal", mode="metal")
    message = machine.Version(version=version, platform=platform, features=machine.FeaturesInfo(rbac=True))
    message.metadata.hostname = "node-controlplane-01.example.internal"
    return machine.VersionResponse(messages=[message])


async def serve_ours(folder: Path, tls: bool) -> None:
    """Our server, until killed."""

    async def version(ctx: Context, request: Empty) -> machine.VersionResponse:
        return reply()

    listener = socket.socket(socket.AF_INET if tls else socket.AF_UNIX)
    listener.bind(("127.0.0.1", 0) if tls else str(folder / "ours"))
    listener.listen(128)
    ca, certificate, key = material(folder, "server")
    methods = {"Version": unary(version, Empty, machine.VersionResponse)}
    await Server([Service("machine.MachineService", methods)]).serve(
        listener, ServerTLS(certificate, key, ca) if tls else None
    )
    _ready(f"127.0.0.1:{listener.getsockname()[1]}" if tls else f"unix:{folder / 'ours'}")
    await asyncio.Event().wait()


async def serve_grpcio(folder: Path, tls: bool) -> None:
    """grpcio's asyncio server, until killed."""

    async def version(request: Empty, context: object) -> machine.VersionResponse:
        return reply()

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(version, Empty.FromString, machine.VersionResponse.SerializeToString)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("machine.MachineService", {"Version": handler})]
    )
    if tls:
        ca, certificate, key = material(folder, "server")
        credentials = grpc.ssl_server_credentials([(key, certificate)], ca, require_client_auth=True)
        address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"
    else:
        address = f"unix:{folder / 'grpcio'}"
        server.add_insecure_port(address)
    await server.start()
    _ready(address)
    await server.wait_for_termination()


def _ready(address: str) -> None:
    print(json.dumps(address), flush=True)


async def measure(channel: Channel, pid: int, calls: int) -> Round:
    """One round of calls, one at a time and then many at once."""
    latencies = []
    before = _cpu(pid)
    for _ in range(calls):
        start = time.perf_counter()
        await channel.unary(METHOD, Empty(), machine.VersionResponse)
        latencies.append(time.perf_counter() - start)
    spent = _cpu(pid) - before

    async def many() -> None:
        for _ in range(calls // FLIGHT):
            await channel.unary(METHOD, Empty(), machine.VersionResponse)

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(FLIGHT):
            group.create_task(many())
    each = (time.perf_counter() - start) / (calls // FLIGHT * FLIGHT)
    return Round(statistics.median(latencies) * 1e6, spent / calls * 1e6, each * 1e6)


def _cpu(pid: int) -> float:
    """User and system seconds of a process, from its CPU clock (see clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


async def compare(folder: Path, tls: bool, rounds: int) -> tuple[list[Round], list[Round]]:
    """Ours and grpcio's in turn."""
    results: dict[str, list[Round]] = {"ours": [], "grpcio": []}
    servers, channels = {}, {}
    ca, certificate, key = material(folder, "client")
    try:
        for name in results:
            command = [sys.executable, "-m", "benchmarks.rpc", name, str(folder), str(int(tls))]
            servers[name] = server = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            assert server.stdout is not None
            address = json.loads(await server.stdout.readline())
            channels[name] = Channel(address, ClientTLS(ca, certificate, key) if tls else None)
            await measure(channels[name], server.pid, 320)
        for _ in range(rounds):
            for name, done in results.items():
                done.append(await measure(channels[name], servers[name].pid, CALLS))
    finally:
        for channel in channels.values():
            await channel.close()
        for server in servers.values():
            server.kill()
            await server.wait()
    return results["ours"], results["grpcio"]


def certificates(folder: Path) -> None:
    """A CA and an ECDSA certificate for each side (grpcio cannot do Ed25519)."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    new += ["-subj", "/O=bench"]
    _openssl(folder, [*new, "-keyout", "ca.key", "-out", "ca.crt"])
    for side in ("server", "client"):
        leaf = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
        leaf += ["-addext", f"extendedKeyUsage={side}Auth", "-CA", "ca.crt", "-CAkey", "ca.key"]
        _openssl(folder, [*new, *leaf, "-keyout", f"{side}.key", "-out", f"{side}.crt"])


def _openssl(folder: Path, command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd=folder)


def material(folder: Path, side: str) -> tuple[bytes, bytes, bytes]:
    """CA, certificate and key of one side."""
    ca, certificate, key = ((folder / name).read_bytes() for name in ("ca.crt", f"{side}.crt", f"{side}.key"))
    return ca, certificate, key


def main() -> None:
    """Serve as one of the two, until killed."""
    _, name, folder, tls = sys.argv
    if name == "ours":
        uvloop.run(serve_ours(Path(folder), tls == "1"))
    else:
        asyncio.run(serve_grpcio(Path(folder), tls == "1"))


if __name__ == "__main__":
    main()
