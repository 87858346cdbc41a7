"""Calls of this API behind which nothing stands on this node yet. Each is there and answers Unimplemented with a
sentence, in the form of its call; whoever builds what is missing takes its line out of here."""

from collections.abc import AsyncIterator
from typing import Any, Final

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from core.base.errors import Unsupported
from core.rpc.pb.machine import debug_pb2, image_pb2, lifecycle_pb2, lvm_pb2, machine_pb2, md_pb2
from core.rpc.pb.storage import storage_pb2
from core.rpc.service import Method, Service

# what must be imported for its services to be known
FILES: Final = (debug_pb2, image_pb2, lifecycle_pb2, lvm_pb2, machine_pb2, md_pb2, storage_pb2)

KUBERNETES: Final = "this node does not run Kubernetes yet"
SLOTS: Final = "this node cannot write another image to itself yet"
WIPING: Final = "this node does not wipe disks yet"
VERIFYING: Final = "this node has no policy to check images against yet"

MACHINE: Final = {"Rollback Upgrade": SLOTS}
SERVICES: Final = {
    "machine.LifecycleService": {"Install Upgrade": SLOTS},
    "machine.LVMService": {"LogicalVolumeRemove VolumeGroupRemove PhysicalVolumeRemove": WIPING},
    "machine.MDService": {"Destroy": WIPING},
}


def machine() -> dict[str, Method]:
    """Those of machine.MachineService."""
    return _all("machine.MachineService", MACHINE)


def services() -> list[Service]:
    """The services of which nothing is there."""
    return [Service(name, _all(name, table)) for name, table in SERVICES.items()]


def _all(service: str, table: dict[str, str]) -> dict[str, Method]:
    return {name: method for names, why in table.items() for name, method in later(service, names, why).items()}


def later(service: str, names: str, why: str) -> dict[str, Method]:
    """Methods of `service` that say why they are not there."""
    methods = descriptor_pool.Default().FindServiceByName(service).methods_by_name  # type: ignore[no-untyped-call] # stub gap
    return {name: _method(methods[name], why) for name in names.split()}


def _method(described: Any, why: str) -> Method:
    async def one(ctx: Any, request: Any) -> Message:
        raise Unsupported(why)

    async def many(ctx: Any, request: Any) -> AsyncIterator[Message]:
        nothing: tuple[Message, ...] = ()
        for reply in nothing:
            yield reply
        raise Unsupported(why)

    return Method(
        many if described.server_streaming else one,
        GetMessageClass(described.input_type),
        GetMessageClass(described.output_type),
        described.client_streaming,
        described.server_streaming,
    )
