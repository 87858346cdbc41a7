"""What is left of what was wiped, on loop devices and in folders: what the system's own tools still see of it."""

import asyncio
import errno
from pathlib import Path

import pytest

from core.base.errors import NotFound
from core.linux import filesystem
from core.linux.mount import mounts, umount
from core.linux.tool import runner
from core.node.controllers.block.place import Place
from core.node.controllers.block.wiping import Wiper
from core.node.meta import Meta
from tests.support.loop import loop, run

pytestmark = pytest.mark.root
MIB, GIB = 1 << 20, 1 << 30
SECRET = b"a key that nobody is to find again"


def _ours(disk: Path, folder: Path) -> Wiper:
    """A disk as a node lays it out, with something of each volume on it, and STATE still mounted."""
    run(
        *("sgdisk", "--new=1:2048:+1M", "--change-name=1:META", "--new=2:4096:+100M", "--change-name=2:STATE"),
        *("--new=3:208896:0", "--change-name=3:EPHEMERAL", disk),
    )
    run("partx", "--update", disk)
    for number, label, size in ((2, "STATE", 100 * MIB), (3, "EPHEMERAL", 2 * GIB)):
        asyncio.run(filesystem.make(runner, "xfs", Path(f"{disk}p{number}"), size, label=label))
    for number, offset in ((1, 4096), (2, 50 * MIB)):
        with Path(f"{disk}p{number}").open("r+b") as part:
            part.seek(offset)
            part.write(SECRET)
    (folder / "state").mkdir()
    return Wiper(Place(root=folder, mine=lambda d: disk.name in (d.name, d.parent)), folders=False)


def _types(disk: Path) -> list[str]:
    """What each partition holds, as blkid sees it."""
    listed = run("lsblk", "--noheadings", "--raw", "--output", "NAME", disk).split()[1:]
    return [run("wipefs", "--noheadings", "--output", "TYPE", f"/dev/{name}").strip() for name in listed]


def test_a_volume_is_gone_and_the_others_are_not(tmp_path: Path) -> None:
    with loop(tmp_path / "disk", 3 * GIB) as disk:
        wiper = _ours(disk, tmp_path)
        assert _types(disk) == ["", "xfs", "xfs"]
        run("mount", f"{disk}p2", tmp_path / "state")
        asyncio.run(wiper.volumes(["STATE"], str(disk)))
        assert not [m for m in mounts() if m.target.startswith(str(tmp_path))]
        assert _types(disk) == ["", "", "xfs"]
        assert Path(f"{disk}p2").read_bytes().count(0) == 100 * MIB
        assert SECRET in Path(f"{disk}p1").read_bytes()
        asyncio.run(wiper.volumes(["META", "EPHEMERAL"], str(disk)))
        asyncio.run(wiper.volumes(["META", "EPHEMERAL"], str(disk)))  # again, as after a crash
        assert _types(disk) == ["", "", ""]
        assert Path(f"{disk}p1").read_bytes().count(0) == MIB
        assert "No problems found" in run("sgdisk", "--verify", disk)


def test_a_disk_is_blank(tmp_path: Path) -> None:
    file = tmp_path / "disk"
    with loop(file, 3 * GIB) as disk:
        wiper = _ours(disk, tmp_path)
        run("mount", f"{disk}p3", tmp_path / "state")
        asyncio.run(wiper.disks([str(disk)]))
        asyncio.run(wiper.disks([str(disk)]))
        assert run("wipefs", disk) == ""
        assert run("lsblk", "--noheadings", "--raw", "--output", "NAME", disk).split() == [disk.name]
        with file.open("rb") as written:
            assert not any(written.read(102 * MIB))  # META and STATE


def test_a_disk_that_somebody_uses_is_not_wiped(tmp_path: Path) -> None:
    with loop(tmp_path / "disk", 3 * GIB) as disk:
        wiper = _ours(disk, tmp_path)
        run("mount", f"{disk}p3", tmp_path / "state")
        try:
            with (tmp_path / "state/open").open("wb"), pytest.raises(ExceptionGroup) as caught:
                asyncio.run(wiper.disks([str(disk)]))
            assert [error.errno for error in caught.value.exceptions if isinstance(error, OSError)] == [errno.EBUSY]
            assert _types(disk) == ["", "xfs", "xfs"]
        finally:
            umount(tmp_path / "state")


def test_what_cannot_be_wiped_does_not_keep_the_rest(tmp_path: Path) -> None:
    with loop(tmp_path / "disk", 3 * GIB) as disk:
        wiper = _ours(disk, tmp_path)
        with pytest.raises(ExceptionGroup) as caught:
            asyncio.run(wiper.volumes(["LOST", "STATE"], str(disk)))
        assert [type(error) for error in caught.value.exceptions] == [NotFound]
        assert _types(disk) == ["", "", "xfs"]
        with pytest.raises(ExceptionGroup) as caught:
            asyncio.run(wiper.disks(["/dev/ichor-none", str(disk)]))
        assert [type(error) for error in caught.value.exceptions] == [FileNotFoundError]
        assert run("wipefs", disk) == ""


def test_folders_are_empty_and_meta_has_no_keys(tmp_path: Path) -> None:
    for folder in ("var/lib/containerd/deep", "var/mnt", "system/state", "run/ichor"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "var/run").symlink_to("/run")
    (tmp_path / "system/state/config.yaml").write_bytes(SECRET)
    (tmp_path / "run/ichor/meta").touch()
    meta = Meta(tmp_path / "run/ichor/meta")
    meta.set(12, SECRET)
    meta.close()
    run("mount", "-t", "tmpfs", "of-a-pod", tmp_path / "var/mnt")
    wiper = Wiper(Place(root=tmp_path), folders=True)
    asyncio.run(wiper.volumes(["META", "STATE", "EPHEMERAL"], ""))
    assert not [m for m in mounts() if m.target.startswith(str(tmp_path))]
    assert not [*(tmp_path / "var").iterdir(), *(tmp_path / "system/state").iterdir()]
    assert SECRET not in (tmp_path / "run/ichor/meta").read_bytes()
    again = Meta(tmp_path / "run/ichor/meta")
    assert again.values == {}
    assert not again.mend()
    again.close()
