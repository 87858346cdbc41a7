"""One bit changed in the image under a whole machine: what is read of it fails and nothing else does, or the machine
says why it cannot go on. What stops a boot before that is in tests/init/test_boot.py."""

import re
import subprocess
import time
from pathlib import Path

import pytest

from core.image.verify import verify
from tests.support import vm
from tests.support.results import Record

pytestmark = pytest.mark.slow
UNUSED = "/kernel/fs/ceph/ceph.ko"  # nobody reads it but who asks for it
SEARCH = 300  # seconds for reading the whole image, emulated


def test_independent_tools_accept_the_image_as_built(image: Path) -> None:
    path = image / "ichor.img"
    footer = verify(path, (image / "key.pub").read_bytes())
    layout = [
        f"--hash-offset={footer.hash_offset}",
        f"--data-blocks={footer.data_blocks}",
        f"--salt={footer.salt.hex()}",
    ]
    command: list[str | Path] = ["veritysetup", "verify", "--no-superblock", *layout, path, path]
    subprocess.run([*command, footer.root_hash.hex()], check=True, capture_output=True)
    listed = subprocess.run(["unsquashfs", "-l", path], check=True, capture_output=True, text=True).stdout
    assert f"squashfs-root{vm.path(image, UNUSED)}\n" in listed


def test_a_data_file(tmp_path: Path, damaged: Path, record_result: Record) -> None:
    file = vm.path(damaged, UNUSED)
    bad = vm.damage(damaged, file)
    with vm.started(tmp_path / "home", damaged, check=False) as node:
        vm.configure(node)
        boot = node.boot_id()
        assert node.specs("integritystatuses")["image"]["badBlocks"] == []
        command = node.home.command("read", file, "--endpoints", node.endpoint)
        refused = subprocess.run(command, env=node.home.environment, capture_output=True, timeout=60, check=False)
        assert refused.returncode == 1
        assert f"{file}: input/output error" in refused.stderr.decode()
        began = time.monotonic()
        named = f"block {bad} of the image is corrupted, file {file}"
        node.machine.expect(re.escape(f"integrity: {named}"), SEARCH)
        record_result("file named after", f"{time.monotonic() - began:.1f} s")
        (known,) = node.specs("integritystatuses")["image"]["badBlocks"]
        assert (known["block"], known["file"]) == (bad, file)
        assert named in node.ichorctl("events", "--tail", "-1", "--for", "2").out
        assert f"data block {bad} is corrupted" in node.machine.console().decode()
        node.await_ready()
        assert node.boot_id() == boot


def test_libpython(tmp_path: Path, damaged: Path, record_result: Record) -> None:
    bad = vm.damage(damaged, vm.path(damaged, "/libpython3.13.so.1.0"))
    with vm.started(tmp_path / "home", damaged, check=False) as node:
        began = time.monotonic()
        node.machine.expect(r"ichor: power: reboot: spawner died 5 times within a minute, last by \w+ \d+", 300)
        record_result("power on to the fifth death", f"{time.monotonic() - began:.1f} s")
        said = node.machine.console()
        assert said.count(b"ichor: spawner: died by") == 4
        assert f"data block {bad} is corrupted" in said.decode()
        node.machine.expect("Linux version ", 60, start=len(said))
