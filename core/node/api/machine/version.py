"""Version: what runs here. Clients choose their upgrade path by the tag, so it is a semantic version of the API served,
with our own as its prerelease."""

from typing import Any

from google.protobuf.empty_pb2 import Empty

from core.node.machineconfig import ACTIVE
from core.node.node import Node
from core.node.resources.config import MachineConfig
from core.rpc.pb.machine import machine_pb2 as pb


async def version(node: Node, ctx: Any, request: Empty) -> pb.VersionResponse:
    """One message; `features.rbac` is true once there is a machine config."""
    build, platform = node.build, node.platform
    info = pb.VersionInfo(tag=build.tag, built=build.date, os="linux", arch="amd64")
    return pb.VersionResponse(
        messages=[
            pb.Version(
                version=info,
                platform=pb.PlatformInfo(name=platform.name, mode=platform.mode),
                features=pb.FeaturesInfo(rbac=node.store.find(MachineConfig.at(ACTIVE)) is not None),
            )
        ]
    )
