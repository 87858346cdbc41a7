"""The finished image, walked and checked from outside: what is in it, what is not, and that it says so itself."""

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.codec import cpio, squashfs
from core.image import collect, lock, native, root
from core.image.build import Paths
from core.image.cache import Cache
from core.image.packages import Store
from core.image.sizes import BUDGETS
from core.image.tools import ToolFailed
from core.image.verify import verify
from core.node.controllers.hardware.modules import KUBERNETES
from tests.support import image
from tests.support.image import TREE

pytestmark = pytest.mark.root
SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "csh", "busybox", "toybox"}
MANAGERS = {"apt", "apt-get", "dpkg", "pip", "pip3", "rpm", "yum", "dnf", "apk"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A copy, for the checkout may change and be built again while this runs."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(image.built().image.parent, folder, dirs_exist_ok=True)
    return Paths.under(folder)


@pytest.fixture(scope="module")
def walk(built: Paths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The image's files, mounted."""
    target = tmp_path_factory.mktemp("image")
    subprocess.run(["mount", "-t", "squashfs", "-o", "loop,ro", built.image, target], check=True)
    try:
        yield target
    finally:
        subprocess.run(["umount", target], check=True)


@pytest.fixture(scope="module")
def inside() -> root.Root:
    """The build root that it was made in."""
    cache = Cache(image.cache())
    return root.make(cache, Store(cache), lock.load(TREE / "image.lock"))


@pytest.fixture(scope="module")
def listed(walk: Path) -> dict[str, Any]:
    rows = json.loads((walk / "usr/share/ichor/files.json").read_bytes())
    return {row["path"]: row for row in rows}


def _paths(walk: Path) -> Iterator[tuple[str, Path]]:
    for folder, folders, files in os.walk(walk):
        for name in (*folders, *files):
            path = Path(folder) / name
            yield f"/{path.relative_to(walk)}", path


def _elf(walk: Path) -> list[Path]:
    return [path for _, path in _paths(walk) if collect.is_elf(path) and "/usr/lib/modules/" not in str(path)]


def test_it_fits_its_budget(built: Paths) -> None:
    table = json.loads(built.sizes.read_bytes())
    assert built.image.stat().st_size == table["image"] <= table["budget"] == BUDGETS["cloud"]
    stored = sum(size for _, size in table["groups"].values())
    assert abs(table["image"] - stored) < 8192 + len(table["groups"])


def test_its_hash_tree_is_veritysetups(built: Paths, tmp_path: Path) -> None:
    """Byte by byte, and its root hash verifies."""
    footer = verify(built.image, built.key.read_bytes())
    blocks = [f"--data-blocks={footer.data_blocks}", f"--salt={footer.salt.hex()}", "--no-superblock"]
    said = _run("veritysetup", "format", *blocks, built.image, tmp_path / "tree")
    assert footer.root_hash.hex() in said
    tree = built.image.read_bytes()[footer.hash_offset : footer.offset]
    assert (tmp_path / "tree").read_bytes()[: len(tree)] == tree
    place = f"--hash-offset={footer.hash_offset}"
    _run("veritysetup", "verify", place, *blocks, built.image, built.image, footer.root_hash.hex())


def test_unsquashfs_lists_what_files_json_does(built: Paths, listed: dict[str, Any]) -> None:
    said = _run("unsquashfs", "-l", "-d", "", built.image)
    assert {line for line in said.splitlines() if line.startswith("/")} == set(listed)


def _run(*argv: str | Path) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout


def test_files_json_explains_every_path_and_nothing_else(walk: Path, listed: dict[str, Any], built: Paths) -> None:
    seen = set()
    for name, path in _paths(walk):
        row = listed.get(name)
        assert row is not None, f"{name} is not explained"
        assert row["reason"], name
        info = path.lstat()
        assert f"{stat.S_IMODE(info.st_mode):04o}" == row["mode"], name
        assert (info.st_uid, info.st_gid) == (0, 0), name
        if "sha256" in row:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"], name
        seen.add(name)
    assert seen == set(listed)
    listing = (walk / "usr/share/ichor/files.json").read_bytes()
    assert verify(built.image, built.key.read_bytes()).files == hashlib.sha256(listing).digest()


def test_no_shell_no_package_manager_no_source_no_interpreter(walk: Path) -> None:
    for name, path in _paths(walk):
        info, base = path.lstat(), name.rpartition("/")[2]
        assert base not in SHELLS | MANAGERS, name
        assert not base.startswith("python") or not info.st_mode & 0o111 or stat.S_ISDIR(info.st_mode), name
        assert not base.endswith((".py", ".pyx", ".h", ".a")), name
        assert not stat.S_ISREG(info.st_mode) or not info.st_mode & (stat.S_ISUID | stat.S_ISGID), name
        assert not stat.S_ISLNK(info.st_mode) or "bin/" not in name or os.path.lexists(path), name


def test_banned_modules_are_absent(walk: Path) -> None:
    names = {path.name.partition(".")[0] for path in (walk / "usr/lib/python3.13").rglob("*")}
    assert not names & {"ctypes", "_ctypes", "pdb", "pip", "site", "ensurepip", "unittest", "doctest"}
    assert not (walk / "usr/lib/python3.13/code.pyc").exists()
    assert not [p for p in ("image", "provision", "cli") if (walk / "usr/lib/ichor/core" / p).exists()]


def test_one_libcrypto_and_libpython_for_launch_alone(walk: Path) -> None:
    assert len([name for name, path in _paths(walk) if "libcrypto" in name and not path.is_symlink()]) == 1
    users = [path for path in _elf(walk) if any(lib.startswith("libpython") for lib in collect.needed([path]))]
    assert [path.name for path in users] == ["launch"]


def test_every_needed_library_is_there(walk: Path) -> None:
    present = {path.name for _, path in _paths(walk)}
    assert set(collect.needed(_elf(walk))) <= present


def test_its_programs_run(walk: Path) -> None:
    for argv in (
        ["/usr/bin/containerd", "--version"],
        ["/usr/bin/containerd-shim-runc-v2", "-v"],
        ["/usr/bin/runc", "--version"],
        ["/usr/sbin/iptables", "--version"],
        ["/usr/sbin/conntrack", "--version"],
        ["/usr/sbin/modprobe", "--version"],
        ["/usr/sbin/mkfs.xfs", "-V"],
        ["/usr/sbin/mkfs.ext4", "-V"],
        ["/usr/sbin/mkfs.vfat", "--help"],
        ["/usr/sbin/xfs_growfs", "-V"],
    ):
        subprocess.run(["chroot", walk, *argv], check=True, capture_output=True)


def test_every_module_of_ours_imports_from_what_is_there(walk: Path, inside: root.Root) -> None:
    """In the image's own root, with the build root's interpreter for a moment in the place of another program."""
    spot = walk / "usr/bin/kmod"
    command = ["unshare", "--mount", "sh", "-euc", 'mount --bind "$1" "$2"; shift 2; exec chroot "$@"', "sh"]
    interpreter = ["/usr/bin/kmod", "-I", "-S", "-c", _IMPORTS]
    said = _run(*command, inside.path / "usr/bin/python3.13", spot, walk, *interpreter)
    found = json.loads(said)
    assert found["failed"] == {}
    assert found["upb"] == "upb"
    assert {"core.node.lifecycle.tables", "daemons.machined", "ext.http2.session"} - set(found["modules"]) == set()


def test_the_build_root_stays_as_it_was_unpacked(inside: root.Root) -> None:
    with pytest.raises(ToolFailed, match="Read-only"):
        inside.run(["touch", "/usr/lib/python3.13/left"], {})
    assert not list(inside.path.rglob("__pycache__"))


_IMPORTS = """
import os
os.environ["CRYPTOGRAPHY_OPENSSL_NO_LEGACY"] = "1"
import sys, json, importlib
place = "/usr/lib/python3.13"
sys.path[:] = ["/usr/lib/ichor", place, place + "/lib-dynload", place + "/site-packages"]
found, failed = [], {}
for folder, _, files in os.walk("/ichor/lib"):
    for file in files:
        name = os.path.relpath(os.path.join(folder, file), "/ichor/lib").split(".")[0].replace("/", ".")
        name = name.removesuffix(".__init__")
        try:
            importlib.import_module(name)
            found.append(name)
        except Exception as error:
            failed[name] = repr(error)
from google.protobuf.internal import api_implementation as api
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
Ed25519PrivateKey.generate().sign(b"")
print(json.dumps({"modules": found, "failed": failed, "upb": api.Type()}))
"""


def test_the_initramfs_holds_init_key_and_modules_in_order(built: Paths) -> None:
    raw = subprocess.run(["zstd", "-dc", built.initramfs], check=True, capture_output=True).stdout
    members = {member.name: member for member in cpio.unpack(raw)}
    order = members["modules/order"].data.decode().split()
    assert members["key.pub"].data == built.key.read_bytes()
    assert members["init"].mode & 0o777 == 0o755
    assert {f"/{name}" for name in members if name.endswith(".ko")} == set(order)
    assert order.index("/modules/sha256-ssse3.ko") < order.index("/modules/dm-verity.ko")
    assert all(members[name[1:]].data[:4] == b"\x7fELF" for name in order)


def test_modprobe_finds_what_a_node_asks_for_by_alias(walk: Path) -> None:
    release = next((walk / "usr/lib/modules").iterdir()).name
    aliases = ("fs-xfs", "rtnl-link-vxlan")
    for name in ("xfs", "vxlan", "xt_MASQUERADE", "virtio_net", "overlay", *KUBERNETES, *aliases):
        command: list[str | Path] = [
            "chroot",
            walk,
            "/usr/sbin/modprobe",
            "--show-depends",
            "--set-version",
            release,
            name,
        ]
        subprocess.run(command, check=True, capture_output=True)


def test_every_file_is_found_in_its_blocks(built: Paths, listed: dict[str, Any]) -> None:
    with built.image.open("rb") as file:
        layout = squashfs.layout(lambda offset, size: os.pread(file.fileno(), size, offset))
    assert {file.path for file in layout.files} == {name for name, row in listed.items() if row["kind"] == "file"}


def test_the_sbom_names_every_package(walk: Path, listed: dict[str, Any]) -> None:
    """With all that SPDX 2.3 requires (its chapters 6, 7 and 11), each package by what was downloaded."""
    bill = json.loads((walk / "usr/share/ichor/sbom.spdx.json").read_bytes())
    assert (bill["spdxVersion"], bill["dataLicense"], bill["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT")
    assert re.fullmatch(r"[a-z][a-z0-9+.-]*:[^#\s]+", bill["documentNamespace"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bill["creationInfo"]["created"])
    assert bill["name"] and bill["creationInfo"]["creators"]
    packages = {package["SPDXID"]: package for package in bill["packages"]}
    assert len(packages) == len(bill["packages"])
    for identity, package in packages.items():
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", identity)
        assert package["name"] and package["versionInfo"] and package["downloadLocation"]
        assert package["name"] == "ichor" or re.fullmatch(r"[0-9a-f]{64}", package["checksums"][0]["checksumValue"])
    ends = {(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in bill["relationships"]}
    contained = {("SPDXRef-Package-ichor", "CONTAINS", identity) for identity in packages}
    described = ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Package-ichor")
    assert ends == {described, *contained} - {("SPDXRef-Package-ichor", "CONTAINS", "SPDXRef-Package-ichor")}
    used = {row["package"] for row in listed.values() if row["package"]}
    assert used == {package["name"] for package in packages.values()}


def test_all_units_are_built_for_it(walk: Path) -> None:
    for unit in native.units(TREE):
        if unit not in native.PROGRAMS:
            assert list((walk / "usr/lib/ichor/ext" / unit).glob("*.so")), unit
