"""List and DiskUsage over a socket, beside what stat, Go's definition of a mode and du say."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from core.node.api.machine import trees
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.node.api.calls import calling
from tests.support.clock import on_loop

DIR, LINK, DEVICE, PIPE, SOCKET, SETUID, SETGID, CHAR, STICKY = (1 << n for n in (31, 27, 26, 25, 24, 23, 22, 21, 20))
Size = tuple[str, int]


async def listed(request: pb.ListRequest) -> list[pb.FileInfo]:
    async with calling(trees.methods()) as caller:
        return await caller.all("List", pb.FileInfo, request)


async def used(request: pb.DiskUsageRequest) -> list[Size]:
    async with calling(trees.methods()) as caller:
        return [(info.name, info.size) for info in await caller.all("DiskUsage", pb.DiskUsageInfo, request)]


def du(*arguments: str) -> list[Size]:
    """du counts bytes, each link to a file for itself."""
    run = subprocess.run(["du", "-bl", *arguments], capture_output=True, text=True, check=True)
    rows = (line.split("\t") for line in run.stdout.splitlines())
    return [(path, int(size)) for size, path in rows]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, size in (("a/big", 10_000), ("a/b/small", 10), ("c/other", 500)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "c/hard").hardlink_to(tmp_path / "a/big")
    (tmp_path / "link").symlink_to("a")
    return tmp_path


@on_loop
async def test_modes_are_gos() -> None:
    assert trees.file_mode(os.lstat("/tmp").st_mode) == DIR | STICKY | 0o777
    assert trees.file_mode(os.lstat("/dev/null").st_mode) == DEVICE | CHAR | 0o666
    (mode,) = {info.mode for info in await listed(pb.ListRequest(root="/usr/bin/passwd"))}
    assert mode == SETUID | 0o755
    kinds = {0o100644: 0o644, 0o40755: DIR | 0o755, 0o120777: LINK | 0o777, 0o60660: DEVICE | 0o660}
    kinds |= {0o10600: PIPE | 0o600, 0o140755: SOCKET | 0o755, 0o102755: SETGID | 0o755}
    assert [trees.file_mode(mode) for mode in kinds] == list(kinds.values())


@on_loop
async def test_a_folder_one_level_deep_or_more(tree: Path) -> None:
    root = pb.ListRequest(root=f"{tree}/")
    found = await listed(root)
    assert [info.relative_name for info in found] == [".", "a", "c", "link"]
    status = (tree / "a").stat()
    assert found[1] == pb.FileInfo(
        name=f"{tree}/a",
        relative_name="a",
        size=status.st_size,
        mode=DIR | 0o755,
        modified=int(status.st_mtime),
        is_dir=True,
        uid=os.getuid(),
        gid=os.getgid(),
    )
    assert found[3].link == "a"
    for depth, recurse, names in (
        (0, True, [".", "a", "a/b", "a/b/small", "a/big", "c", "c/hard", "c/other", "link"]),
        (-1, True, [".", "a", "a/b", "a/b/small", "a/big", "c", "c/hard", "c/other", "link"]),
        (2, True, [".", "a", "a/b", "a/big", "c", "c/hard", "c/other", "link"]),
        (2, False, [".", "a", "c", "link"]),
    ):
        request = pb.ListRequest(root=str(tree), recurse=recurse, recursion_depth=depth)
        assert [info.relative_name for info in await listed(request)] == names


@pytest.mark.skipif(os.geteuid() != 0, reason="such attributes are root's")
@on_loop
async def test_types_attributes_and_names_that_are_no_text(tree: Path) -> None:
    Path(os.fsdecode(os.fsencode(tree) + b"/\xff\xfe")).touch()
    os.setxattr(tree / "a/big", "trusted.who", b"me")
    files = pb.ListRequest(root=str(tree), recurse=True, types=[pb.ListRequest.REGULAR], report_xattrs=True)
    found = {info.relative_name: info for info in await listed(files)}
    assert sorted(found) == ["a/b/small", "a/big", "c/hard", "c/other", "\ufffd\ufffd"]
    assert [(x.name, x.data) for x in found["a/big"].xattrs] == [("trusted.who", b"me")]
    links = pb.ListRequest(root=str(tree), types=[pb.ListRequest.SYMLINK])
    assert [info.relative_name for info in await listed(links)] == ["link"]


@pytest.mark.parametrize(("path", "code"), [("/nowhere", Code.NOT_FOUND), ("/a\0b", Code.INVALID_ARGUMENT)])
@on_loop
async def test_a_root_that_is_not(path: str, code: Code) -> None:
    with pytest.raises(RpcError) as caught:
        await listed(pb.ListRequest(root=path))
    assert caught.value.code is code


@on_loop
async def test_usage_is_what_du_says(tree: Path) -> None:
    assert sorted(await used(pb.DiskUsageRequest(paths=[str(tree)]))) == sorted(du(str(tree)))
    everything = await used(pb.DiskUsageRequest(paths=[str(tree)], all=True))
    assert sorted(everything) == sorted(du("-a", str(tree)))
    places = {name: place for place, (name, _) in enumerate(everything)}
    assert all(places[name] < places[name.rpartition("/")[0]] for name in places if name != str(tree))
    shallow = await used(pb.DiskUsageRequest(paths=[str(tree)], recursion_depth=2))
    assert sorted(shallow) == sorted(du("--max-depth=1", str(tree)))
    assert await used(pb.DiskUsageRequest(paths=[f"{tree}/a", f"{tree}/c/other"], all=True)) == [
        *(row for row in everything if row[0].startswith(f"{tree}/a")),
        (f"{tree}/c/other", 500),
    ]


@on_loop
async def test_usage_above_and_below_a_threshold(tree: Path) -> None:
    def among(rows: list[Size], low: int, high: int) -> list[Size]:
        return [row for row in rows if low <= row[1] <= high]

    everything = await used(pb.DiskUsageRequest(paths=[str(tree)], all=True))
    for threshold, low, high in ((501, 501, 1 << 40), (-500, 0, 500)):
        request = pb.DiskUsageRequest(paths=[str(tree)], all=True, threshold=threshold)
        assert await used(request) == among(everything, low, high)


@on_loop
async def test_usage_of_what_is_not_there_and_of_the_kernels_files() -> None:
    async with calling(trees.methods()) as caller:
        request = pb.DiskUsageRequest(paths=["/nowhere", "/sys/kernel/mm"])
        missing, *found = await caller.all("DiskUsage", pb.DiskUsageInfo, request)
        assert (missing.name, missing.error) == ("/nowhere", "no such file or directory")
        assert found[-1].name == "/sys/kernel/mm"
        (total,) = await caller.all("DiskUsage", pb.DiskUsageInfo, pb.DiskUsageRequest(paths=["/proc/kcore"], all=True))
        assert total.size == 0


@on_loop
async def test_sockets_and_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "sock"))
        found = {info.relative_name: info.mode & ~0o777 for info in await listed(pb.ListRequest(root=str(tmp_path)))}
    assert found == {".": DIR, "pipe": PIPE, "sock": SOCKET}
