"""What a reset's request means on a node: which volumes and disks, and what is refused before anything has begun."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from core.base.clock import SystemClock
from core.base.errors import Conflict, IchorError, Invalid, NotFound, Unsupported
from core.linux.capabilities import CONTAINER
from core.node.api.machine import reset
from core.node.lifecycle.runner import Running
from core.node.lifecycle.sequence import Order
from core.node.resources import REGISTRY
from core.node.resources.block import Disk, SystemDisk
from core.rpc.pb.machine import machine_pb2 as pb
from core.state import Resource, Store
from tests.support.clock import on_loop

ALL = ("META", "STATE", "EPHEMERAL")


class Lifecycle:
    """What was begun."""

    def __init__(self) -> None:
        self.begun: list[Order] = []

    def start(self, name: str, *, order: Order) -> Running:
        self.begun.append(order)
        return Running(name, "actor", 0, order)


def machine(**more: Any) -> Any:
    """With a system disk, one to wipe, and one that the node runs from."""
    store = Store(REGISTRY, SystemClock())
    for name, links in (("vda", ()), ("vdb", ()), ("vdc", ("/dev/disk/by-id/blue",)), ("sr0", ())):
        disk = Disk(dev_path=f"/dev/{name}", size=1 << 30, cdrom=name == "sr0", symlinks=links)
        store.create(Resource.of(name, disk))
    store.create(Resource.of("system-disk", SystemDisk(disk_id="vdb", dev_path="/dev/vdb")))
    parts = {
        "capabilities": replace(CONTAINER, block=True),
        "store": store,
        "wiper": SimpleNamespace(users=lambda path: ["dm-0"] if path == "/dev/vda" else []),
        "etcd": SimpleNamespace(begun=False),
        "lifecycle": Lifecycle(),
    }
    return SimpleNamespace(**parts | more)


def container() -> Any:
    return machine(capabilities=CONTAINER, store=Store(REGISTRY, SystemClock()))


def request(*labels: str, disks: tuple[str, ...] = (), mode: str = "ALL", **more: Any) -> pb.ResetRequest:
    made = pb.ResetRequest(mode=mode, user_disks_to_wipe=disks, **more)
    for label in labels:
        made.system_partitions_to_wipe.add(label=label.removeprefix("-"), wipe=not label.startswith("-"))
    return made


@pytest.mark.parametrize(
    ("asked", "means"),
    [
        (request(), Order(disk="/dev/vdb", disks=("/dev/vdb",))),
        (request(reboot=True, graceful=True), Order(True, True, (), "/dev/vdb", ("/dev/vdb",))),
        (request("EPHEMERAL", "STATE"), Order(volumes=("STATE", "EPHEMERAL"), disk="/dev/vdb")),
        (request("EPHEMERAL", "-STATE"), Order(volumes=("EPHEMERAL",), disk="/dev/vdb")),
        (request("-STATE"), Order(disk="/dev/vdb")),
        (request(disks=("/dev/vdc",), mode="USER_DISKS"), Order(disk="/dev/vdb", disks=("/dev/vdc",))),
        (request(disks=("/dev/disk/by-id/blue",)), Order(disk="/dev/vdb", disks=("/dev/vdc", "/dev/vdb"))),
        (request("META", disks=("/dev/vdc",)), Order(False, False, ("META",), "/dev/vdb", ("/dev/vdc",))),
        (request(mode="SYSTEM_DISK"), Order(disk="/dev/vdb", disks=("/dev/vdb",))),
    ],
)
@on_loop
async def test_on_a_machine(asked: pb.ResetRequest, means: Order) -> None:
    assert await reset.plan(machine(), asked) == means


@on_loop
async def test_on_a_container_node() -> None:
    assert await reset.plan(container(), request()) == Order(volumes=ALL)
    assert await reset.plan(container(), request("STATE")) == Order(volumes=("STATE",))


@pytest.mark.parametrize(
    ("node", "asked", "error", "says"),
    [
        (machine, request("BOOT"), NotFound, "no system partition 'BOOT'"),
        (machine, request("STATE", mode="USER_DISKS", disks=("/dev/vdc",)), Invalid, "no system partitions"),
        (machine, request(mode="SYSTEM_DISK", disks=("/dev/vdc",)), Invalid, "no user disks"),
        (machine, request(mode="USER_DISKS"), Invalid, "no user disk is named"),
        (machine, request(disks=("/dev/vdx",)), NotFound, "there is no disk /dev/vdx.*/dev/vdc"),
        (machine, request(disks=("/dev/vdb",)), Invalid, "is the system disk"),
        (machine, request(disks=("/dev/vda",)), Invalid, "dm-0 is made of it"),
        (machine, request(disks=("/dev/sr0",)), Invalid, "cannot be written"),
        (container, request(disks=("/dev/sda",)), Unsupported, "no disks of its own"),
    ],
)
@on_loop
async def test_what_makes_no_sense_is_refused(
    node: Any, asked: pb.ResetRequest, error: type[IchorError], says: str
) -> None:
    asking: Any = None
    made = node()
    with pytest.raises(error, match=says):
        await reset.reset(made, asking, asked)
    assert made.lifecycle.begun == []


@on_loop
async def test_a_member_that_others_need_stays_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    asking: Any = None

    class Reach:
        async def __aenter__(self) -> None: ...
        async def __aexit__(self, *error: object) -> None: ...

    async def check(*of: object) -> None:
        raise Conflict("no majority")

    monkeypatch.setattr("core.cluster.etcd.leave.check", check)
    node = machine(etcd=SimpleNamespace(begun=True, reach=Reach, local=None, own=None))
    with pytest.raises(Conflict, match="no majority"):
        await reset.reset(node, asking, request(graceful=True))
    answer = await reset.reset(node, asking, request())
    assert answer.messages[0].actor_id == "actor"
    # what a user's disk loses is nothing to etcd
    await reset.reset(node, asking, request(graceful=True, mode="USER_DISKS", disks=("/dev/vdc",)))
    assert [each.disks for each in node.lifecycle.begun] == [("/dev/vdb",), ("/dev/vdc",)]
