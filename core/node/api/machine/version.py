"""Version: what runs here. Clients choose their upgrade path by the tag, so it is a semantic version of the API served,
with our own as its prerelease."""

from functools import lru_cache
from typing import Any

from google.protobuf.empty_pb2 import Empty

from core.node.build import Build
from core.node.machineconfig import ACTIVE
from core.node.node import Node, Platform
from core.node.resources.config import MachineConfig
from core.rpc.pb.machine import machine_pb2 as pb


async def version(node: Node, ctx: Any, request: Empty) -> pb.VersionResponse:
    """One message; `features.rbac` is true once there is a machine config."""
    return _reply(node.build, node.platform, node.store.find(MachineConfig.at(ACTIVE)) is not None)


@lru_cache(2)
def _reply(build: Build, platform: Platform, rbac: bool) -> pb.VersionResponse:
    """Made once: it is what everybody asks."""
    info = pb.VersionInfo(tag=build.tag, built=build.date, os="linux", arch="amd64")
    where = pb.PlatformInfo(name=platform.name, mode=platform.mode)
    version = pb.Version(version=info, platform=where, features=pb.FeaturesInfo(rbac=rbac))
    return pb.VersionResponse(messages=[version])
