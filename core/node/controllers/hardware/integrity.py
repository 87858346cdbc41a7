"""What guards the image's bytes: dm-verity and its root hash, or the check before a container node started; the crypto
driver in use; and each block that was found bad, with the files or the table it belongs to, once in resource, event and
log. The file system's own tables say whose it is; no file is read for it."""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.codec import blame, bundle
from core.codec import dm as codec
from core.linux import crypto, damage, disk, dm
from core.linux.capabilities import Capabilities
from core.linux.uevents import Listen
from core.node.events import Publisher
from core.node.resources.runtime import BadBlock, IntegrityMethod, IntegrityStatus
from core.rpc.pb.machine import machine_pb2 as pb
from core.state import Controller, Scope, exclusive

_log = logging.getLogger("integrity")
DEVICE: Final = "ichor-root"
# past this many the image is not damaged but gone
_LIMIT: Final = 64


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the image and the kernel are looked at."""

    root: Path = Path("/")
    sys: Path = Path("/sys")
    dev: Path = Path("/dev")
    proc: Path = Path("/proc")


class Integrity(Controller):
    """IntegrityStatus (id `image`)."""

    name = "runtime.IntegrityController"
    outputs = (exclusive(IntegrityStatus),)

    def __init__(
        self,
        capabilities: Capabilities,
        listen: Listen,
        events: Publisher,
        now: Callable[[], float],
        ground: Ground | None = None,
    ) -> None:
        self._able, self._listen, self._events, self._now = capabilities, listen, events, now
        self._ground = ground or Ground()
        self._bad: dict[int, BadBlock] = {}
        self._status: IntegrityStatus | None = None

    async def reconcile(self, scope: Scope) -> None:
        if self._status is None:
            self._status = await asyncio.to_thread(_guard, self._able, self._ground)
        driver = crypto.driver(self._ground.proc, "sha256")
        found = tuple(self._bad[block] for block in sorted(self._bad))
        scope.put(
            "image",
            IntegrityStatus(
                method=self._status.method,
                version=self._status.version,
                root_hash=self._status.root_hash,
                key_id=self._status.key_id,
                hash_driver=driver,
                bad_blocks=found,
            ),
        )

    async def work(self, scope: Scope) -> None:
        if not self._able.uevents:
            return
        if self._able.kmsg:
            for complaint in damage.said(self._ground.dev / "kmsg"):
                await self._found(scope, complaint)
        async for event in self._listen():
            if event is None and self._able.kmsg:
                for complaint in damage.said(self._ground.dev / "kmsg"):
                    await self._found(scope, complaint)
            elif event is not None and (told := codec.bad_block(dict(event.values))) is not None:
                await self._found(scope, told)

    async def _found(self, scope: Scope, complaint: codec.BadBlock) -> None:
        if complaint.block in self._bad or len(self._bad) >= _LIMIT:
            return
        owners = await asyncio.to_thread(_owners, complaint, self._ground)
        self._tell(scope, BadBlock(block=complaint.block, file=", ".join(owners), found=self._now()), owners)

    def _tell(self, scope: Scope, bad: BadBlock, owners: list[str]) -> None:
        self._bad[bad.block] = bad
        text = f"block {bad.block} of the image is corrupted{blame.named(owners)}"
        _log.critical("%s", text)
        self._events.publish(pb.ServiceStateEvent(service="image", action=pb.ServiceStateEvent.FAILED, message=text))
        scope.wake()


def _owners(complaint: codec.BadBlock, ground: Ground) -> list[str]:
    """Whose the block is: paths of files, names of tables."""
    if not complaint.data:
        return ["hash tree"]
    device = ground.root.stat().st_dev
    name = (ground.sys / f"dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
    with disk.opened(ground.dev / name) as fd:
        return blame.owners(disk.reader(fd), complaint.block, _unreadable)


def _unreadable(error: Exception) -> None:
    _log.warning("the image's own tables cannot be read: %s", error)


def _guard(capabilities: Capabilities, ground: Ground) -> IntegrityStatus:
    """What guards this root. A container node's image was checked whole by its provisioner."""
    if not capabilities.block:
        return IntegrityStatus(method=IntegrityMethod.CHECKED_AT_START)
    if not capabilities.device_mapper:
        return IntegrityStatus()
    control = os.open(ground.dev / "mapper/control", os.O_RDWR | os.O_CLOEXEC)
    try:
        names = dm.names(ground.sys)
        table = dm.verity(control, DEVICE) if DEVICE in names.values() else None
    finally:
        os.close(control)
    if table is None:
        return IntegrityStatus()
    name = (ground.sys / "dev/block" / table.data_device).resolve().name
    with disk.opened(ground.dev / name) as fd:
        start = os.pread(fd, bundle.SUPERBLOCK, 0)
        footer, _ = bundle.decode(os.pread(fd, bundle.BLOCK, bundle.footer_offset(start)))
    return IntegrityStatus(
        method=IntegrityMethod.DM_VERITY,
        version=footer.version,
        root_hash=table.root_hash,
        key_id=footer.key_id.hex(),
    )
