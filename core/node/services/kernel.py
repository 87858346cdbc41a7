"""The kernel's messages as one more log: read from /dev/kmsg into a ring, each once, also across restarts of machined.
Reading clears nothing. A record in the ring is the kernel's sequence (8 bytes, little-endian), then the line shown."""

import asyncio
import errno
import os
import struct
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Final

from core.base.clock import Clock
from core.codec import kmsg
from core.node.services.logs import CHUNK, Log
from ext.ring import Reader

DEVICE: Final = Path("/dev/kmsg")
_SEQUENCE: Final = struct.Struct("<Q")
_LONGEST: Final = 8192  # the kernel's own bound for one record
_BATCH: Final = 16  # a turn of the loop: a booting node has a thousand to copy, and more urgent work


class KernelLog:
    """Copies messages while it is open. OSError if there is no device."""

    def __init__(self, log: Log, clock: Clock, device: Path = DEVICE) -> None:
        self._log, self._clock = log, clock
        log.hidden = _SEQUENCE.size
        self._last = self._newest()
        self._fd = os.open(device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._fd, self._take)

    def close(self) -> None:
        """Stop copying."""
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)

    async def read(self, *, tail: bool = False, follow: bool = False) -> AsyncGenerator[bytes]:
        """One message a piece: all there are, none of the past with `tail`; with `follow` what comes as well."""
        grown = asyncio.Event()
        start = self._log.ring.next if tail else None
        with closing(Reader(self._log.ring.fileno(), start)) as reader:
            self._log.wakers.add(grown.set)
            try:
                while True:
                    grown.clear()
                    while records := reader.read(CHUNK):
                        for _, _, record in records:
                            yield record[self._log.hidden :]
                    if not follow:
                        return
                    await grown.wait()
            finally:
                self._log.wakers.discard(grown.set)

    def _take(self) -> None:
        booted = self._clock.now() - self._clock.monotonic()
        for _ in range(_BATCH):
            try:
                data = os.read(self._fd, _LONGEST)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.EPIPE:  # overwritten before we came: the next read is the oldest there is
                    raise
                continue
            record = kmsg.parse(data)
            if record.sequence > self._last:
                self._last = record.sequence
                text = kmsg.line(record, booted)
                self._log.ring.append(_SEQUENCE.pack(record.sequence) + text)
        self._log.wake()

    def _newest(self) -> int:
        """The kernel's sequence number of the last message copied, -1 before the first."""
        ring = self._log.ring
        with closing(Reader(ring.fileno(), max(0, ring.next - 1))) as reader:
            records = reader.read(1)
        return int(_SEQUENCE.unpack_from(records[-1][2])[0]) if records else -1
