"""The services of our .proto files, as the protobuf compiler made them."""

import importlib
from functools import cache
from pathlib import Path
from typing import Final

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from core.rpc import pb

# what others serve, what is asked of a machine that signs images, and what our daemons ask each other
FOREIGN: Final = (
    *("containerd.", "etcdserverpb.", "grpc.", "runtime.", "signerapi."),
    *("ichor.discovery.", "ichor.etcd.", "ichor.metrics.", "ichor.trust."),
)


@cache
def services() -> dict[str, ServiceDescriptor]:
    """By full name; those that a node serves."""
    (root,) = pb.__path__
    found = {}
    for file in sorted(Path(root).rglob("*_pb2.py")):
        name = ".".join(file.relative_to(root).with_suffix("").parts)
        for service in importlib.import_module(f"core.rpc.pb.{name}").DESCRIPTOR.services_by_name.values():
            if not service.full_name.startswith(FOREIGN):
                found[service.full_name] = service
    return found


def methods() -> dict[str, MethodDescriptor]:
    """By path: "/machine.MachineService/Version"."""
    return {f"/{name}/{method.name}": method for name, service in services().items() for method in service.methods}
