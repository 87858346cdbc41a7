"""What every peer in Python serves and calls, the same as tests/support/go/rpc: a unary method, and one that streams as
many messages of as many bytes as its request says."""

import json

from core.rpc.pb.common import common_pb2 as common
from core.rpc.pb.machine import machine_pb2 as machine

SERVICE = "machine.MachineService"
VERSION, READ = f"/{SERVICE}/Version", f"/{SERVICE}/Read"


def reply() -> machine.VersionResponse:
    """A reply of usual size, made anew for each call as a handler does."""
    response = machine.VersionResponse()
    message = response.messages.add()
    message.metadata.hostname = "node-controlplane-01.example.internal"
    version, platform = message.version, message.platform
    version.tag, version.sha = "v1.14.0-ichor.0.1.0", "4c2f0f7e9b1d4f3a"
    version.os, version.arch = "linux", "amd64"
    platform.name = platform.mode = "metal"
    message.features.rbac = True
    return response


def asked(request: machine.ReadRequest) -> tuple[int, bytes]:
    """How many messages and the bytes of each, as the path COUNTxSIZE says."""
    count, size = map(int, request.path.split("x"))
    return count, bytes(size)


def chunk(data: bytes) -> common.Data:
    """A message of a stream."""
    return common.Data(bytes=data)


def ready(address: str) -> None:
    """Tell who started us where we serve."""
    print(json.dumps(address), flush=True)
