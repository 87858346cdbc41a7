"""What lies on block devices: BlockDevice -> DiscoveredVolume, each device looked at once a generation and whenever a
refresh is asked for. Shows the kernel the partitions of a table that it does not read itself. Writes to no device."""

import asyncio
import errno
import logging
from collections.abc import Iterable

from core.base.errors import Conflict, Invalid
from core.base.units import format_size
from core.codec import signature
from core.codec.gpt import Table
from core.codec.superblock import Details
from core.linux import disk, partition
from core.linux.disk import Device
from core.node.controllers.block.place import Place
from core.node.resources.block import (
    BlockDevice,
    DevicesDiscovered,
    DiscoveredVolume,
    DiscoveryRefreshRequest,
    DiscoveryRefreshStatus,
)
from core.node.resources.runtime import DevicesStatus
from core.state import Controller, Scope, exclusive, weak

_log = logging.getLogger("block")
# a drive without a medium, a device that left, one whose medium fails: nothing to see on it
_NOTHING = {errno.ENOMEDIUM, errno.ENXIO, errno.ENOENT, errno.EIO, errno.ENODEV}


class Discovery(Controller):
    """DiscoveredVolume by kernel name. `DevicesDiscovered` once everything of the cold plug has been looked at."""

    name = "block.DiscoveryController"
    inputs = (weak(BlockDevice), weak(DiscoveryRefreshRequest.at("refresh")), weak(DevicesStatus.at("devices")))
    outputs = (exclusive(DiscoveredVolume), exclusive(DevicesDiscovered), exclusive(DiscoveryRefreshStatus))

    def __init__(self, place: Place) -> None:
        self._place = place
        self._seen: dict[str, tuple[tuple[int, int], DiscoveredVolume]] = {}
        self._known: dict[str, Table | None] = {}
        self._answered = 0

    async def reconcile(self, scope: Scope) -> None:
        request = scope.find(DiscoveryRefreshRequest.at("refresh"))
        asked = request.spec.request if request is not None else 0
        if asked != self._answered:
            self._seen.clear()
        generations = {r.md.id: r.spec.generation for r in scope.list(BlockDevice.all())}
        devices = await asyncio.to_thread(self._tables)
        # sysfs says what there is; a device whose resource has not come yet is in its first generation, and a partition
        # that was stretched makes no event
        wanted = {d.name: (generations.get(d.name, 1), d.size) for d in devices}
        self._seen = {k: v for k, v in self._seen.items() if wanted.get(k) == v[0]}
        stale = [d for d in devices if d.name not in self._seen]
        if stale:
            found = await asyncio.to_thread(self._look, stale)
            self._seen |= {name: (wanted[name], volume) for name, volume in found.items()}
        scope.sync(DiscoveredVolume.all(), {k: v for k, (_, v) in self._seen.items()})
        self._answered = asked
        scope.put("refresh", DiscoveryRefreshStatus(request=asked))
        ready = scope.find(DevicesStatus.at("devices"))
        if ready is not None and ready.spec.ready:
            scope.put("discovered-volumes-status", DevicesDiscovered(ready=True))

    def _tables(self) -> list[Device]:
        """Read every disk's table and show it to the kernel; then all devices there are, partitions too.

        In a thread, as is `_look`: a slow disk holds up nobody else.
        """
        devices = self._place.devices()
        self._known = {d.name: self._table(d, devices) for d in devices if not d.parent}
        return self._place.devices()

    def _look(self, stale: Iterable[Device]) -> dict[str, DiscoveredVolume]:
        volumes = {d.name: self._volume(d, self._known.get(d.parent or d.name)) for d in stale}
        return {name: volume for name, volume in volumes.items() if volume is not None}

    def _table(self, device: Device, devices: list[Device]) -> Table | None:
        if device.cdrom or device.dm_name or device.secondaries:
            return None
        try:
            with disk.opened(self._place.node(device.path)) as fd:
                table = partition.read(fd)
                if table is not None and table.partitions:
                    partition.tell_kernel(fd, table, [d for d in devices if d.parent == device.name])
                return table
        except Invalid as error:
            _log.warning("%s: %s", device.path, error)
        except Conflict as error:
            _log.warning("%s: %s; the kernel's view stands until a reboot", device.path, error)
        except OSError as error:
            if error.errno not in _NOTHING:
                raise
        return None

    def _volume(self, device: Device, table: Table | None) -> DiscoveredVolume | None:
        try:
            with disk.opened(self._place.node(device.path)) as fd:
                if not device.read_only:
                    disk.drop_cache(fd)
                found = signature.probe(disk.reader(fd), device.size)
        except OSError as error:
            if error.errno not in _NOTHING:
                raise
            return None
        return _volume(device, table, found[0] if found else None)


def _volume(device: Device, table: Table | None, found: signature.Signature | None) -> DiscoveredVolume:
    entry = None
    if device.parent and table is not None:
        entry = next((p for p in table.partitions if p.number == device.partition_number), None)
    whole_guid = table.guid.lower() if table is not None and not device.parent else ""
    details = found.details if found is not None else Details()
    return DiscoveredVolume(
        dev_path=device.path,
        type=device.kind,
        device_path=device.bus_path,
        parent=device.parent,
        parent_dev_path=f"/dev/{device.parent}" if device.parent else "",
        offset=device.partition_start,
        size=device.size,
        pretty_size=format_size(device.size),
        sector_size=device.sector_size,
        io_size=device.io_size,
        name="" if found is None else "gpt" if found.type == "PMBR" else found.type,
        uuid=details.uuid or whole_guid,
        label=details.label,
        block_size=device.sector_size,
        filesystem_block_size=details.block_size,
        probed_size=details.size,
        partition_uuid=entry.guid.lower() if entry else "",
        partition_type=entry.type.lower() if entry else "",
        partition_label=entry.name if entry else device.partition_name,
        partition_index=device.partition_number,
    )
