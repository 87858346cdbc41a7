"""Every call of this API is answered by something: what is served beside what the .proto files define."""

from types import SimpleNamespace
from typing import Any, Final

from google.protobuf.message_factory import GetMessageClass

from core.node.api.served import services
from core.node.resources import NAMESPACES, REGISTRY
from core.rpc.pb.cluster import cluster_pb2
from core.rpc.pb.inspect import inspect_pb2
from core.rpc.pb.machine import debug_pb2, image_pb2, lifecycle_pb2, lvm_pb2, machine_pb2, md_pb2, storage_pb2
from core.rpc.pb.recovery import recovery_pb2
from core.rpc.pb.storage import storage_pb2 as disks_pb2
from core.rpc.pb.time import time_pb2
from core.rpc.pb.v1alpha1 import state_pb2
from core.state import Runtime, Store
from tests.support.clock import FakeClock, on_loop

FILES: Final = (
    *(cluster_pb2, debug_pb2, disks_pb2, image_pb2, inspect_pb2, lifecycle_pb2, lvm_pb2, machine_pb2, md_pb2),
    *(recovery_pb2, state_pb2, storage_pb2, time_pb2),
)


@on_loop
async def test_every_call_is_answered_in_its_form() -> None:
    store = Store(REGISTRY, FakeClock(), NAMESPACES)
    runtime = Runtime(store, FakeClock())
    node: Any = SimpleNamespace(
        store=store, runtime=runtime, clock=FakeClock(), events=None, meta=None, work=None, platform=None
    )
    node.etcd = node.services = None
    served = {
        f"{service.name}/{name}": (m.request, m.reply, m.many_requests, m.many_replies)
        for service in services(node)
        for name, m in service.methods.items()
    }
    defined = {
        f"{service.full_name}/{method.name}": (
            GetMessageClass(method.input_type),
            GetMessageClass(method.output_type),
            method.client_streaming,
            method.server_streaming,
        )
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert served == defined
