"""Disks on loop devices: what sysfs says, tables written and told to the kernel, mkfs, mount and growth."""

import asyncio
import errno
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.base.errors import Conflict, Unsupported
from core.codec import gpt, partition, signature
from core.linux import disk, filesystem
from core.linux import partition as kernel_partition
from core.linux.tool import Done
from tests.support.loop import loop, resize, run

MIB = 1 << 20
SYS, DEV = Path("/sys"), Path("/dev")


async def _run(command: Sequence[str]) -> Done:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = await process.communicate()
    return Done(process.returncode or 0, output.decode())


@contextmanager
def mounted(device: Path, target: Path) -> Iterator[None]:
    target.mkdir(exist_ok=True)
    run("mount", device, target)
    try:
        yield
    finally:
        run("umount", target)


def _known(device: Path) -> list[disk.Device]:
    return [d for d in disk.devices(SYS) if device.name in (d.parent, d.name)]


def _table(size: int) -> gpt.Table:
    table = partition.add(partition.blank(size, 512), "META", gpt.LINUX_DATA, MIB)
    table = partition.add(table, "STATE", gpt.LINUX_DATA, 100 * MIB)
    return partition.add(table, "EPHEMERAL", gpt.LINUX_DATA, None)


def test_devices_agree_with_lsblk(tmp_path: Path) -> None:
    with loop(tmp_path / "disk", 64 * MIB):
        shown = json.loads(run("lsblk", "-bJ", "-o", "NAME,MAJ:MIN,SIZE,RO,RM,ROTA,LOG-SEC,TYPE"))
        ours = {d.name: d for d in disk.devices(SYS)}
        rows = {row["name"]: row for row in shown["blockdevices"]}
        for name in ours.keys() & rows.keys():
            row, device = rows[name], ours[name]
            assert row["maj:min"] == f"{device.major}:{device.minor}"
            assert (row["size"], row["ro"], row["rota"]) == (device.size, device.read_only, device.rotational)
            assert row["log-sec"] == device.sector_size

        # lsblk lists empty devices too
        assert {name for name, device in ours.items() if not device.parent} <= set(rows)


def test_a_table_becomes_partitions_and_grows_with_its_disk(tmp_path: Path) -> None:
    size = 512 * MIB
    with loop(tmp_path / "disk", size) as device, disk.opened(device, write=True) as fd:
        assert kernel_partition.read(fd) is None
        assert (disk.size(fd), disk.sector_size(fd)) == (size, 512)
        table = _table(size)
        kernel_partition.write(fd, table)
        assert kernel_partition.tell_kernel(fd, table, _known(device)[1:])
        whole, meta, state, ephemeral = _known(device)
        assert [p.name for p in (meta, state, ephemeral)] == [kernel_partition.name(whole, n) for n in (1, 2, 3)]
        assert (state.partition_start, state.size, state.parent) == (2 * MIB, 100 * MIB, whole.name)
        assert all((DEV / p.name).is_block_device() for p in (meta, state, ephemeral))
        assert not kernel_partition.tell_kernel(fd, table, [meta, state, ephemeral])
        tables = kernel_partition.tables(DEV, _known(device))
        assert kernel_partition.label(state, tables).partition_name == "STATE"
        assert "No problems found" in run("sgdisk", "--verify", device)

        resize(device, tmp_path / "disk", 2 * size)
        read = kernel_partition.read(fd)
        assert read is not None
        grown = partition.grow(read, "EPHEMERAL")
        kernel_partition.write(fd, grown)
        assert kernel_partition.tell_kernel(fd, grown, _known(device)[1:])
        assert _known(device)[3].size == 2 * size - 103 * MIB
        assert "No problems found" in run("sgdisk", "--verify", device)


def test_a_kernel_that_sees_it_elsewhere_is_not_overruled(tmp_path: Path) -> None:
    with loop(tmp_path / "disk", 512 * MIB) as device, disk.opened(device, write=True) as fd:
        table = _table(512 * MIB)
        kernel_partition.tell_kernel(fd, table, [])
        other = partition.add(partition.blank(512 * MIB, 512), "OTHER", gpt.LINUX_DATA, 2 * MIB)
        other = partition.add(other, "STATE", gpt.LINUX_DATA, MIB)
        with pytest.raises(Conflict, match="elsewhere"):
            kernel_partition.tell_kernel(fd, other, _known(device)[2:])


@pytest.mark.parametrize(
    ("kind", "size"), [("xfs", 100 * MIB), ("xfs", 320 * MIB), ("ext4", 64 * MIB), ("vfat", 64 * MIB)]
)
def test_mkfs_makes_what_is_mounted(kind: str, size: int, tmp_path: Path) -> None:
    with loop(tmp_path / "disk", size) as device:
        asyncio.run(filesystem.make(_run, kind, device, size, label="EPHEMERAL"))
        with disk.opened(device) as fd:
            (found, *_) = signature.probe(disk.reader(fd), size)
        assert (found.type, found.details.label) == (kind, "EPHEMERAL")
        if kind in Path("/proc/filesystems").read_text().split():
            with mounted(device, tmp_path / "at"):
                (tmp_path / "at/file").write_bytes(b"x")


def test_a_failing_mkfs_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(filesystem.MkfsError, match="absent"):
        asyncio.run(filesystem.make(_run, "xfs", tmp_path / "absent", 100 * MIB))
    with pytest.raises(Unsupported, match="zfs"):
        filesystem.mkfs_command("zfs", tmp_path, 1, "")


def test_xfs_grows_where_it_is_mounted(tmp_path: Path) -> None:
    file = tmp_path / "disk"
    with loop(file, 320 * MIB) as device:
        asyncio.run(filesystem.make(_run, "xfs", device, 320 * MIB))
        with mounted(device, tmp_path / "at"):
            assert not filesystem.fill(tmp_path / "at", 320 * MIB)
            resize(device, file, 640 * MIB)
            assert filesystem.fill(tmp_path / "at", 640 * MIB)
            assert not filesystem.fill(tmp_path / "at", 640 * MIB)
            assert f"blocks={640 * MIB // 4096}" in run("xfs_info", tmp_path / "at")
            with pytest.raises(OSError, match="busy") as caught, disk.opened(device, exclusive=True):
                pass
            assert caught.value.errno == errno.EBUSY


def test_the_page_cache_does_not_hide_the_medium(tmp_path: Path) -> None:
    file = tmp_path / "disk"
    with loop(file, MIB) as device, disk.opened(device, write=True) as fd:
        disk.write(fd, 4096, b"new")
        assert file.read_bytes()[4096:4099] == b"new"
        assert disk.reader(fd)(4096, 3) == b"new"
        assert disk.reader(fd)(-1, 3) == b""
        disk.drop_cache(fd)
