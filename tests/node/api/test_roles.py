"""Who may call what: the table against the methods that there are, and against what each role is for."""

from typing import Final

import pytest
from google.protobuf import descriptor_pool

from core.node.api.roles import (
    ADMIN,
    ETCD_BACKUP,
    IMAGE_VERIFIER,
    IMPERSONATOR,
    MAINTENANCE,
    META_WRITER,
    METRICS_PAGE,
    OPERATOR,
    READER,
    RULES,
    allowed,
    forwarded,
)
from core.rpc.pb.cluster import cluster_pb2
from core.rpc.pb.inspect import inspect_pb2
from core.rpc.pb.machine import image_pb2, lvm_pb2, machine_pb2, md_pb2, storage_pb2
from core.rpc.pb.metrics import metrics_pb2
from core.rpc.pb.storage import storage_pb2 as disks_pb2
from core.rpc.pb.time import time_pb2
from core.rpc.pb.v1alpha1 import state_pb2

FILES: Final = (
    cluster_pb2,
    disks_pb2,
    image_pb2,
    inspect_pb2,
    lvm_pb2,
    machine_pb2,
    md_pb2,
    metrics_pb2,
    state_pb2,
    storage_pb2,
    time_pb2,
)


@pytest.mark.parametrize("method", sorted({*RULES, *MAINTENANCE} - {METRICS_PAGE}))
def test_every_method_exists(method: str) -> None:
    service, name = method.removeprefix("/").split("/")
    found = descriptor_pool.Default().FindServiceByName(service)  # type: ignore[no-untyped-call] # stub gap
    assert name in found.methods_by_name


@pytest.mark.parametrize(
    ("method", "roles"),
    [
        ("/machine.MachineService/Version", {ADMIN, OPERATOR, READER}),
        ("/machine.MachineService/Read", {ADMIN}),
        ("/machine.MachineService/Copy", {ADMIN}),
        ("/machine.MachineService/ApplyConfiguration", {ADMIN}),
        ("/machine.MachineService/Reboot", {ADMIN, OPERATOR}),
        ("/machine.MachineService/Reset", {ADMIN}),
        ("/machine.MachineService/EtcdSnapshot", {ADMIN, OPERATOR, ETCD_BACKUP}),
        ("/machine.MachineService/EtcdStatus", {ADMIN, OPERATOR, READER, ETCD_BACKUP}),
        ("/machine.MachineService/MetaWrite", {ADMIN, META_WRITER}),
        ("/machine.ImageService/Verify", {ADMIN, OPERATOR, READER, IMAGE_VERIFIER}),
        ("/cosi.resource.State/Watch", {ADMIN, OPERATOR, READER}),
        ("/cosi.resource.State/Create", {ADMIN}),
        ("/nobody.Knows/It", {ADMIN}),
    ],
)
def test_allowed(method: str, roles: set[str]) -> None:
    everybody = (ADMIN, OPERATOR, READER, ETCD_BACKUP, IMAGE_VERIFIER, META_WRITER, IMPERSONATOR, "os:made-up")
    assert {role for role in everybody if allowed(method, [role])} == roles
    assert not allowed(method, [])


def test_in_maintenance_a_reader_may_apply_a_config_and_no_more() -> None:
    method = "/machine.MachineService/"
    assert allowed(method + "ApplyConfiguration", [READER], maintenance=True)
    assert allowed(method + "Version", [READER], maintenance=True)
    for closed in ("Read", "Reboot", "Reset", "Copy", "Kubeconfig"):
        assert not allowed(method + closed, [READER], maintenance=True)
    assert not allowed(method + "ApplyConfiguration", [ETCD_BACKUP], maintenance=True)


def test_forwarded_roles() -> None:
    pairs = [("talos-role", ADMIN), ("other", READER), ("talos-role", "mine"), ("talos-role", " ")]
    assert forwarded(pairs) == {ADMIN, "mine"}
    assert forwarded([]) == frozenset()
