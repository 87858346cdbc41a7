"""What the kernel's event socket brings, and what of it is about dm-verity."""

from collections.abc import Iterator

from core.base.errors import Invalid
from core.codec import dm, uevent
from tests.fuzz.target import Target, attempt


def check(data: bytes) -> None:
    event = attempt(Invalid, uevent.decode, data)
    if event is not None:
        assert uevent.decode(uevent.encode(event)) == event
        bad = dm.bad_block(dict(event.values))
        assert bad is None or bad.block >= 0


def seeds() -> Iterator[bytes]:
    yield (
        b"add@/devices/pci0000:00/0000:00:03.0/virtio0/block/vda/vda1\0ACTION=add\0SUBSYSTEM=block\0MAJOR=254\0"
        b"MINOR=1\0DEVNAME=vda1\0DEVTYPE=partition\0DISKSEQ=9\0PARTN=1\0PARTNAME=STATE\0SEQNUM=1410\0"
    )
    yield (
        b"change@/devices/virtual/block/dm-0\0ACTION=change\0DEVPATH=/devices/virtual/block/dm-0\0SUBSYSTEM=block\0"
        b"DM_VERITY_ERR_BLOCK_NR=0,1234\0SEQNUM=7\0"
    )
    yield b"add@/devices/pci0000:00/0000:00:1f.2\0MODALIAS=pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01\0"
    yield b"libudev\0\xfe\xed\xca\xfe\x28\0\0\0add@/x\0A=b\0"
    yield b"remove@/module/loop\0A=\xff\xfe\0"


TARGET = Target(check, seeds, runs=40_000, minutes=5)
