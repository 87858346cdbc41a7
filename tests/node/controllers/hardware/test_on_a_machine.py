"""The block and hardware domains on a machine of their own: the built image under QEMU, asked over its API. Slow."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from core.node.controllers.hardware.modules import KUBERNETES
from core.provision.qemu import Disk, Forward, Machine
from tests.support.loop import run
from tests.support.qemu import IMAGE, blank_disk, boot, machine, need_kernel

pytestmark = pytest.mark.slow
ICHORCTL = Path(sys.executable).parent / "ichorctl"
GIB = 1 << 30


class Remote:
    """The node behind a forwarded port, asked with the command line: a stranger until it has a client config."""

    def __init__(self, vm: Machine) -> None:
        self.address = f"127.0.0.1:{vm.ports()[50000]}"
        self.known: list[str] = []

    def call(self, *words: str) -> str:
        known = [*self.known, "-e", self.address] if self.known else ["-i"]
        command = [str(ICHORCTL), *words, *known, "-n", "127.0.0.1" if self.known else self.address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise ConnectionError(done.stderr or done.stdout)
        return done.stdout

    def get(self, kind: str) -> dict[str, dict[str, Any]]:
        """The specs of a type by id."""
        return {row["metadata"]["id"]: row["spec"] for row in json.loads(self.call("get", kind, "-o", "json"))}

    def until(self, kind: str, id_: str, field: str, value: object, seconds: float = 240.0) -> None:
        """Wait until a field has a value; the node may not answer yet."""
        deadline, last = time.monotonic() + seconds, ""
        while time.monotonic() < deadline:
            try:
                found = self.get(kind)
                if found.get(id_, {}).get(field) == value:
                    return
                last = str(found)
            except (ConnectionError, subprocess.TimeoutExpired) as error:
                last = str(error)
            time.sleep(1.0)
        raise AssertionError(f"{kind}/{id_}.{field} never became {value!r}: {last[-2000:]}")


def _spec(tmp_path: Path, disk: Path) -> dict[str, Any]:
    return {
        "kernel": need_kernel(),
        "initrd": IMAGE / "initramfs.cpio.zst",
        "cmdline": "talos.platform=metal talos.hostname=one panic=10",
        "disks": (Disk(path=IMAGE / "ichor.img", read_only=True), Disk(path=disk, serial="system")),
        "forwards": (Forward(guest=50000),),
        "uuid": "01234567-89ab-cdef-0123-456789abcdef",
    }


def test_a_machine_finds_its_parts_and_makes_its_volumes(tmp_path: Path) -> None:
    disk = blank_disk(tmp_path / "disk.raw", 4 * GIB)
    with machine(tmp_path / "vm", **_spec(tmp_path, disk)) as vm:
        boot(vm, "signature and root hash hold")
        node = Remote(vm)
        node.until("devicesstatus", "devices", "ready", True)
        loaded = node.get("loadedkernelmodules")
        assert {"virtio_net", "virtio_blk"} <= loaded.keys()
        guard = node.get("integritystatuses")["image"]
        assert guard["method"] == "dm-verity"
        assert guard["hashDriver"].startswith("sha256")
        assert node.get("systeminformation")["systeminformation"]["manufacturer"] == "QEMU"
        disks = node.get("disks")
        assert disks["vdb"]["serial"] == "system"
        assert disks["vdb"]["transport"] == "virtio"
        assert disks["vda"]["readonly"] is True
        assert node.get("volumestatuses")["STATE"]["phase"] == "missing"

        endpoint = "https://10.0.2.15:6443"
        made = tmp_path / "made"
        where = ("--install-disk", "/dev/vdb", "-o", str(made), "--additional-sans", "127.0.0.1")
        run(ICHORCTL, "gen", "config", "c", endpoint, *where)
        node.call("apply-config", "-f", str(made / "controlplane.yaml"))
        node.known = ["--talosconfig", str(made / "talosconfig")]
        node.until("volumestatuses", "EPHEMERAL", "phase", "ready")
        assert "xfs" in node.get("loadedkernelmodules")
        # it is to be in a Kubernetes, so what a bridge passes on is seen by rules
        node.until("kernelparamstatuses", "proc.sys.net.bridge.bridge-nf-call-iptables", "current", "1")
        assert set(KUBERNETES) <= node.get("loadedkernelmodules").keys()
        mounts = node.get("mountstatuses.runtime")
        assert mounts["STATE"]["target"] == "/system/state"
        assert vm.stop(), "it does not hear the power button"
    shown = run("sgdisk", "--print", disk)
    assert [line.split()[-1] for line in shown.splitlines()[-3:]] == ["META", "STATE", "EPHEMERAL"]
    assert "No problems found" in run("sgdisk", "--verify", disk)
