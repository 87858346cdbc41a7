"""storage.StorageService: the list of disks as clients before resources knew it."""

from functools import partial
from typing import Any

from google.protobuf.empty_pb2 import Empty

from core.node.api.later import WIPING, later
from core.node.resources.block import Disk, SystemDisk
from core.rpc.pb.storage import storage_pb2 as pb
from core.rpc.service import Service, unary
from core.state import Store


def service(store: Store) -> Service:
    """The service over this store."""
    name = "storage.StorageService"
    return Service(
        name, {"Disks": unary(partial(disks, store), Empty, pb.DisksResponse), **later(name, "BlockDeviceWipe", WIPING)}
    )


async def disks(store: Store, ctx: Any, request: Empty) -> pb.DisksResponse:
    """Every whole disk."""
    system = store.find(SystemDisk.at("system-disk"))
    holds = system.spec.disk_id if system is not None else ""
    found = [_disk(resource.spec, resource.md.id == holds) for resource in store.list(Disk.all())]
    return pb.DisksResponse(messages=[pb.Disks(disks=found)])


def _disk(disk: Disk, is_system: bool) -> pb.Disk:
    return pb.Disk(
        size=disk.size,
        model=disk.model,
        device_name=disk.dev_path,
        serial=disk.serial,
        modalias=disk.modalias,
        uuid=disk.uuid,
        wwid=disk.wwid,
        type=_type(disk),
        bus_path=disk.bus_path,
        system_disk=is_system,
        subsystem=disk.sub_system,
        readonly=disk.readonly,
    )


def _type(disk: Disk) -> pb.Disk.DiskType:
    if disk.cdrom:
        return pb.Disk.CD
    by_transport = {"nvme": pb.Disk.NVME, "mmc": pb.Disk.SD}.get(disk.transport)
    return by_transport or (pb.Disk.HDD if disk.rotational else pb.Disk.SSD)
