"""Copy over a socket: what tar and tarfile find in it, and what must not hurt."""

import asyncio
import gzip
import io
import os
import resource
import socket
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from core.base import offload
from core.linux.walk import Entry
from core.node.api.machine import archive
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Service
from core.rpc.status import Code, RpcError
from tests.node.api.calls import calling
from tests.support.clock import on_loop
from tests.support.wire import served

PATH = "/machine.MachineService/Copy"


async def copied(path: object) -> tuple[bytes, str]:
    """The archive and what was said at its end."""
    async with calling(archive.methods()) as caller:
        messages = await caller.all("Copy", common_pb2.Data, pb.CopyRequest(root_path=str(path)))
    assert all(len(message.bytes) <= archive.CHUNK for message in messages)
    return b"".join(message.bytes for message in messages), messages[-1].metadata.error


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as opened:
        return {member.name: member for member in opened}


@pytest.mark.skipif(os.geteuid() != 0, reason="devices and owners are root's to make")
@on_loop
async def test_tar_makes_the_same_tree_of_it(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for name, data in (
        ("a/b/file", b"text"),
        ("a/large", os.urandom(300_000)),
        ("n" * 150, b""),
        ("a/" + "ü" * 90, b"u"),
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    (source / "a/b/file").chmod(0o4750)
    os.utime(source / "a/b/file", (1, 1))
    (source / "link").symlink_to("a//b")
    os.mkfifo(source / "pipe")
    os.mknod(source / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.chown(source / "a/large", 4_000_000, 1)
    target.mkdir()
    data, said = await copied(source)
    assert said == ""
    await asyncio.to_thread(_compare, data, source, target)
    assert os.readlink(target / "link") == "a//b"  # noqa: PTH115 - a Path would tidy it


def _compare(data: bytes, source: Path, target: Path) -> None:
    subprocess.run(["tar", "-xz", "--numeric-owner", "-C", target], input=data, check=True)
    trees = [
        subprocess.run(
            ["find", folder, "-mindepth", "1", "-printf", "%P %y %m %U %G %Ts %l\n"], capture_output=True, check=True
        ).stdout.splitlines()
        for folder in (source, target)
    ]
    assert sorted(trees[0]) == sorted(trees[1])
    for path in source.rglob("*"):
        assert not path.is_file() or path.read_bytes() == (target / path.relative_to(source)).read_bytes()


@on_loop
async def test_one_file_and_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    data, _ = await copied(tmp_path / "file")
    assert [(name, member.size) for name, member in members(data).items()] == [("file", 4)]
    for path, code in ((tmp_path / "none", Code.NOT_FOUND), ("etc", Code.UNKNOWN)):
        with pytest.raises(RpcError) as caught:
            await copied(path)
        assert caught.value.code is code


@on_loop
async def test_files_of_the_kernel_have_the_size_that_they_turn_out_to_have() -> None:
    data, _ = await copied("/proc/sys/kernel/random")
    found = members(data)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as opened:
        reader = opened.extractfile("boot_id")
        assert reader is not None
        assert reader.read() == Path("/proc/sys/kernel/random/boot_id").read_bytes()
    assert found["poolsize"].size == len(Path("/proc/sys/kernel/random/poolsize").read_bytes())
    data, _ = await copied("/sys/kernel/mm")  # a page each, says stat
    assert max(member.size for member in members(data).values()) < 4096


@on_loop
async def test_what_cannot_be_in_it_is_told_and_the_rest_is_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "sock"))
        data, said = await copied(tmp_path)
    assert list(members(data)) == ["file"]
    assert said == f"{tmp_path}/sock: a socket cannot be in an archive"


def taken(path: Path, size: int | None = None) -> tuple[bytes, str]:
    """The blocks of a file that changes after its header was made."""
    entry = Entry(str(path), "file", 1, path.stat())
    blocks, trouble = archive._member(entry), ""
    data = b""
    try:
        data = next(blocks)
        if size is not None:
            os.truncate(path, size)
        while True:
            data += next(blocks)
    except StopIteration as end:
        trouble = end.value
    return data, trouble


@pytest.mark.parametrize(
    ("size", "said"), [(None, ""), (2 * archive.READ, "it became shorter while it was read"), (9 << 20, "")]
)
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, size: int | None, said: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3 * archive.READ)
    data, trouble = taken(path, size)
    assert trouble == said
    with tarfile.open(fileobj=io.BytesIO(data + bytes(1024))) as opened:
        (member,) = opened
        assert member.size == 3 * archive.READ
    assert len(data) == 512 + 3 * archive.READ


def test_a_file_that_is_gone_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    entry = Entry(str(path), "file", 1, path.stat())
    path.unlink()
    with pytest.raises(StopIteration, match="no such file"):
        next(archive._member(entry))
    os.mkfifo(path)
    with pytest.raises(StopIteration, match="something else"):
        next(archive._member(entry))


@on_loop
async def test_an_endless_file_costs_nothing_and_ends_with_its_reader(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    sparse.touch()
    os.truncate(sparse, 1 << 40)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with served([Service("machine.MachineService", archive.methods())]) as (channel, _):
        call = channel.server_stream(PATH, pb.CopyRequest(root_path=str(sparse)), common_pb2.Data)
        async with call:
            got = b"".join([(await anext(call)).bytes for _ in range(8)])
    with tarfile.open(fileobj=gzip.GzipFile(fileobj=io.BytesIO(got)), mode="r|") as opened:
        first = opened.next()
        assert first is not None
        assert first.size == 1 << 40
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10
    assert await offload.call(sum, (1, 1)) == 2  # its thread is free again
