"""A virtual machine from nothing to nothing, by the verbs a person types: made, configured in maintenance mode, asked,
rebooted, shut down, started again, removed. The tests go in this order, each on what the one before left."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Home, load, remove, unique
from tests.support.loop import run
from tests.support.results import Record
from tests.support.vm import Vm

pytestmark = pytest.mark.slow
NAME = unique("vm")
BOOT = 600  # seconds for what boots an emulated machine, on a busy one


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("home"))
    try:
        yield made
    finally:
        for console in made.places.home.rglob("console.log"):
            print(console.read_text(errors="replace")[-8000:])
        remove(made)


@pytest.fixture
def node(home: Home) -> Vm:
    return Vm(home, load(home, NAME))


def create(home: Home, image: Path) -> str:
    key = str(image / "key.pub")
    made = ("cluster", "create", "--standalone", "--name", NAME, "--provisioner", "qemu")
    return home.ichorctl(*made, "--image", str(image), "--image-key", key, timeout=BOOT).err


def test_one_command_makes_a_node_and_configures_it(home: Home, image: Path, record_result: Record) -> None:
    began = time.monotonic()
    told = create(home, image)
    record_result("from nothing to ready", f"{time.monotonic() - began:.1f} s")
    assert f"{NAME}-controlplane-1: in maintenance mode, applying its config" in told
    assert f"{NAME}-controlplane-1: ready" in told
    assert Vm(home, load(home, NAME)).specs("machinestatus")["machine"]["status"]["ready"]


def test_its_verbs_answer(node: Vm) -> None:
    assert "Tag:" in node.ichorctl("version").out
    services = node.ichorctl("service").out
    on_demand = sum("imagecheck" in line for line in services.splitlines())
    assert services.count("Running") == services.count("OK") == len(services.splitlines()) - 1 - on_demand
    assert "assembled" in node.ichorctl("logs", "machined").out
    assert "Linux version" in node.ichorctl("dmesg").out
    assert "root=" not in node.ichorctl("read", "/proc/cmdline").out
    config = node.home.places.cluster(NAME) / "controlplane.yaml"
    assert node.home.ichorctl("validate", "-c", str(config), "-m", "metal").code == 0


def test_every_block_of_its_root_is_guarded(node: Vm, record_result: Record) -> None:
    guard = node.specs("integritystatuses")["image"]
    assert guard["method"] == "dm-verity"
    assert guard["hashDriver"].startswith("sha256")
    assert guard["badBlocks"] == []
    record_result("hash driver", guard["hashDriver"])
    assert "/dev/dm-0 / squashfs ro,nosuid,nodev," in node.ichorctl("read", "/proc/mounts").out


def test_its_disk_is_checked_on_demand(node: Vm, image: Path, record_result: Record) -> None:
    """Past the device's cache; the node answers meanwhile, since each look at the result is a call."""
    began = time.monotonic()
    assert 'Service "imagecheck" started' in node.ichorctl("service", "imagecheck", "start").out
    check: dict[str, Any] = {"state": "running"}
    while check["state"] in ("never", "running"):
        assert time.monotonic() < began + BOOT
        check = node.specs("imagechecks")["image"]
    record_result("image checked, emulated", f"{time.monotonic() - began:.1f} s")
    assert check["state"] == "intact"
    size = (image / "ichor.img").stat().st_size
    assert 0.95 * size < check["bytesChecked"] == check["bytesTotal"] < size


def test_its_front_door_is_confined(node: Vm) -> None:
    (pid,) = set(re.findall(r"PID (\d+)", node.ichorctl("service", "apid").out))
    status = dict(re.findall(r"^(\w+):\t(.*)$", node.ichorctl("read", f"/proc/{pid}/status").out, re.M))
    assert (status["Seccomp"], status["NoNewPrivs"], status["CapBnd"]) == ("2", "1", "0" * 16)
    mounts = [line.split() for line in node.ichorctl("read", f"/proc/{pid}/mounts").out.splitlines()]
    assert all(options.split(",")[0] == "ro" for _, _, _, options, *_ in mounts)
    assert {target for _, target, *_ in mounts} == {"/", "/dev", "/proc", "/run", "/system"}
    assert node.ichorctl("read", "/sys/fs/cgroup/system/apid/memory.max").out.strip() == str(128 << 20)
    assert pid in node.ichorctl("read", "/sys/fs/cgroup/system/apid/cgroup.procs").out.split()
    for group, settings in {
        "apid": {"memory.min": 16 << 20, "memory.low": 32 << 20, "memory.swap.max": 0, "pids.max": 64},
        "trustd": {"memory.max": 128 << 20, "pids.max": 64},
        "workers": {"memory.max": 128 << 20, "memory.swap.max": 0, "pids.max": 16},
    }.items():
        for name, value in settings.items():
            assert node.ichorctl("read", f"/sys/fs/cgroup/system/{group}/{name}").out.strip() == str(value), group
    unapplied = node.specs("unappliedlimits")
    assert not [name for name in unapplied if name.startswith(("system/apid/", "system/trustd/", "system/workers/"))]


def test_its_drivers_were_loaded_without_a_list(node: Vm) -> None:
    assert {"virtio_net", "xfs", "i6300esb", "virtio_rng"} <= node.specs("loadedkernelmodules").keys()
    assert not node.specs("kernelmodulespecs")


def test_its_address_came_by_dhcp(node: Vm) -> None:
    assert node.specs("addressstatuses")["eth0/10.0.2.15/24"]["address"] == "10.0.2.15/24"
    assert node.specs("addressspecs")["eth0/10.0.2.15/24"]["layer"] == "operator"
    assert node.specs("operatorspecs")["dhcp4/eth0"]["operator"] == "dhcp4"
    assert any(spec["gateway"] == "10.0.2.2" for spec in node.specs("routestatuses").values())


def test_its_disk_was_made_into_volumes(node: Vm) -> None:
    volumes = node.specs("volumestatuses")
    assert {volumes[name]["phase"] for name in ("META", "STATE", "EPHEMERAL")} == {"ready"}
    assert {volumes[name]["parentLocation"] for name in ("META", "STATE", "EPHEMERAL")} == {"/dev/vdb"}


def test_it_comes_back_configured_as_another_boot(node: Vm, record_result: Record) -> None:
    before, began = node.boot_id(), time.monotonic()
    node.ichorctl("reboot", timeout=BOOT)
    record_result("reboot to answer", f"{time.monotonic() - began:.1f} s")
    assert node.boot_id() != before
    node.await_ready(seconds=BOOT)
    assert node.machine.console().count(b"signature and root hash hold") == 2


def test_shutdown_powers_it_off(node: Vm, record_result: Record) -> None:
    machine, began = node.machine, time.monotonic()
    assert machine.running
    node.ichorctl("shutdown")
    assert machine.wait(60), "it stays on"
    record_result("shutdown", f"{time.monotonic() - began:.1f} s")
    assert b"reboot: Power down" in machine.console()
    assert "stopped" in node.home.ichorctl("cluster", "show", "--name", NAME).out


def test_the_same_command_starts_it_again_as_it_was(home: Home, node: Vm, image: Path) -> None:
    told = create(home, image)
    assert "in maintenance mode" not in told
    assert f"{NAME}-controlplane-1: ready" in told
    assert b"made META" not in node.machine.console()


def test_a_reset_leaves_nothing_on_its_disk(node: Vm, record_result: Record) -> None:
    machine, disk = node.machine, node.folder / "disk.raw"
    labels = [part.split()[-1] for part in run("sgdisk", "--print", disk).splitlines()[-3:]]
    assert labels == ["META", "STATE", "EPHEMERAL"]
    with disk.open("rb") as file:
        assert any(file.read(64 << 20))  # where META is, and the beginning of STATE
    assert "is made of it" in node.ichorctl("reset", "--user-disks-to-wipe", "/dev/vda", code=1).err
    assert "is the system disk" in node.ichorctl("reset", "--user-disks-to-wipe", "/dev/vdb", code=1).err
    began = time.monotonic()
    said = node.ichorctl("reset", timeout=BOOT).err
    assert machine.wait(60), "it stays on"
    record_result("reset, to power off", f"{time.monotonic() - began:.1f} s")
    assert "wiped and gone" in said
    assert run("wipefs", disk) == ""
    with disk.open("rb") as file:
        assert not any(file.read(102 << 20))


def test_it_begins_anew_on_the_blank_disk(home: Home, node: Vm, image: Path) -> None:
    told = create(home, image)
    assert f"{NAME}-controlplane-1: in maintenance mode, applying its config" in told
    assert f"{NAME}-controlplane-1: ready" in told
    assert b"made META, STATE, EPHEMERAL" in node.machine.console()


def test_destroy_leaves_nothing(home: Home, node: Vm) -> None:
    machine = node.machine
    home.ichorctl("cluster", "destroy", "--name", NAME)
    assert not machine.running
    assert not home.places.cluster(NAME).exists()
    assert NAME not in home.client_file.read_text()
