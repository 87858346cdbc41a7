"""Builds from a copy of the checkout, with a cache of their own: equal bytes, lost versions, keys, the other flavour.
What was downloaded and unpacked before is shared."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.base.errors import IchorError, NotFound
from core.codec import cpio
from core.image import lock, modules
from core.image.build import Options, Paths, build
from core.image.cache import Cache
from core.image.packages import Store
from core.image.sizes import BUDGETS
from core.image.verify import verify
from core.pki import signing
from tests.support import image
from tests.support.image import TREE

pytestmark = pytest.mark.root
SHARED = ("debs", "wheels", "unpacked", "stripped", "root")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("core", "ext", "daemons", "setup.py", "pyproject.toml", "image.lock"):
        subprocess.run(["cp", "-a", TREE / name, tree], check=True)
    return tree


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that has what is downloaded and unpacked, and nothing that was built."""
    folder = tmp_path / "cache"
    folder.mkdir()
    for name in SHARED:
        (image.cache() / name).mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(image.cache() / name)
    return folder


def _files(made: Paths) -> Iterator[Path]:
    yield from (made.image, made.vmlinuz, made.initramfs, made.sizes, made.key)


def _silent(_: str) -> None: ...


@pytest.mark.slow
def test_two_builds_in_two_folders_are_equal(copy: Path, cache: Path, tmp_path: Path) -> None:
    """Compiled, compressed and signed by a key from outside: once with a build root and all steps of its own, once from
    a cache that has served many builds."""
    key = tmp_path / "release.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    for name in ("root", "stripped"):
        (cache / name).unlink()
    builds = [
        build(Options(copy, folder, tmp_path / f"out-{number}", key=key, say=_silent))
        for number, folder in enumerate((cache, image.cache()))
    ]
    for one, other in zip(*map(_files, builds), strict=True):
        assert hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest(), one.name
    assert verify(builds[0].image, signing.public_key(bytes(range(32)))).key_id
    assert not (cache / "keys").exists()


@pytest.mark.slow
def test_a_version_the_mirror_lost_is_locked_anew_when_asked(copy: Path, cache: Path) -> None:
    """`make image` names the command, `make up` runs it into a file of its own, says so, and builds."""
    _lose(copy / "image.lock")
    said: list[str] = []
    with pytest.raises(NotFound, match=r"no longer has netbase 0\.1; run `make lock`"):
        build(Options(copy, cache, say=said.append))
    assert not (copy / "image.lock.local").exists()
    made = build(Options(copy, cache, relock=True, say=said.append))
    verify(made.image, made.key.read_bytes())
    assert any("netbase 0.1; resolving anew into image.lock.local" in line for line in said)
    assert any("netbase 0.1 -> " in line for line in said)
    assert lock.load(copy / "image.lock").pin("image", "netbase").version == "0.1"
    again: list[str] = []
    assert build(Options(copy, cache, relock=True, say=again.append)) == made
    assert not again


def _lose(path: Path) -> None:
    """Ask for a netbase that no mirror has."""
    before = lock.load(path)
    pins = (lock.Pin("image", "netbase", "0.1", "00" * 32) if p.name == "netbase" else p for p in before.pins)
    lock.save(path, lock.Lock(before.date, tuple(pins)))


def test_a_version_the_mirror_lost_names_the_command(tmp_path: Path) -> None:
    store = Store(Cache(tmp_path))
    gone = lock.Pin("image", "netbase", "0.1", "00" * 32)
    with pytest.raises(NotFound, match=r"netbase 0\.1; run `make lock`"):
        store.fetch([gone])


def test_a_wheel_the_index_lost_names_the_command(tmp_path: Path) -> None:
    gone = lock.Pin("wheel", "orjson", "0.0.1", "00" * 32)
    with pytest.raises(NotFound, match=r"orjson 0\.0\.1; run `make lock`"):
        Store(Cache(tmp_path)).fetch_wheels([gone])


def test_a_key_that_is_none_stops_the_build_first(copy: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    with pytest.raises(FileNotFoundError):
        build(Options(copy, tmp_path / "cache", key=key, say=_silent))
    key.write_bytes(b"short")
    key.chmod(0o600)
    with pytest.raises(IchorError, match="5 bytes, not a raw Ed25519 key"):
        build(Options(copy, tmp_path / "cache", key=key, say=_silent))
    assert not (copy / "_out").exists()


def test_a_build_with_nothing_changed_does_nothing(copy: Path, cache: Path) -> None:
    """It says nothing, and leaves the files as they are."""
    for name in ("base", "library", "modules", "native"):
        (image.cache() / name).mkdir(parents=True, exist_ok=True)
        (cache / name).symlink_to(image.cache() / name)
    said: list[str] = []
    made = build(Options(copy, cache, say=said.append))
    before = made.image.stat().st_mtime_ns
    assert said
    del said[:]
    assert build(Options(copy, cache, say=said.append)) == made
    assert not said
    assert made.image.stat().st_mtime_ns == before


# what a server is expected to have, by what the kernel calls it
_SERVER = """
ahci megaraid_sas mpt3sas mpi3mr smartpqi hpsa aacraid qla2xxx lpfc nvme nvme_rdma
e1000 e1000e igb igc ixgbe i40e ice tg3 bnxt_en be2net mlx4_en mlx5_core r8169 atlantic enic sfc cxgb4
virtio_net virtio_blk ena hv_netvsc ipmi_si kvm_intel kvm_amd vfio_pci mlx5_ib btrfs nfsd
"""
# those that would load firmware, and do their work without (docs/image.md)
_FIRMWARE = {"r8169", "ice", "tg3", "cxgb4", "qla2xxx", "mscc"}


@pytest.mark.slow
def test_the_server_flavour_has_the_drivers_of_servers(tmp_path: Path) -> None:
    """It is a superset of the other, fits its own budget, and its initramfs reaches a disk behind SAS."""
    made = build(Options(TREE, image.cache(), tmp_path, flavour="server", say=_silent))
    verify(made.image, made.key.read_bytes())
    table = json.loads(made.sizes.read_bytes())
    assert table["image"] <= table["budget"] == BUDGETS["server"]
    listed = subprocess.run(["unsquashfs", "-l", made.image], check=True, capture_output=True, text=True).stdout
    present = {modules.module_name(line) for line in listed.splitlines() if line.endswith(".ko")}
    assert set(_SERVER.split()) <= present
    raw = subprocess.run(["zstd", "-dc", made.initramfs], check=True, capture_output=True).stdout
    order = next(member for member in cpio.unpack(raw) if member.name == "modules/order").data.decode().split()
    loaded = [modules.module_name(path) for path in order]
    assert {"ahci", "nvme", "megaraid_sas", "mpt3sas", "dm_verity", "squashfs"} <= set(loaded)
    drivers = tmp_path / "drivers"
    command: list[str | Path] = ["unsquashfs", "-quiet", "-no-progress", "-d", drivers, made.image]
    subprocess.run(
        [*command, *(f"usr/lib/modules/*/kernel/drivers/{kind}" for kind in ("net", "scsi", "ata"))], check=True
    )
    assert {modules.module_name(path.name) for path in drivers.rglob("*.ko") if _firmware(path)} == _FIRMWARE


def _firmware(module: Path) -> bool:
    return bool(subprocess.run(["modinfo", "-F", "firmware", module], check=True, capture_output=True).stdout)
