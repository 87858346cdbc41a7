"""Kernel parameters by name, on a folder that stands for the kernel's and on the kernel."""

from pathlib import Path

import pytest

from core.base.errors import Invalid, Unsupported
from core.linux import sysctl
from core.linux.capabilities import CONTAINER


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("proc.sys.net.ipv4.ip_forward", "proc/sys/net/ipv4/ip_forward"),
        ("proc/sys/net/ipv4/conf/eth0.1/forwarding", "proc/sys/net/ipv4/conf/eth0.1/forwarding"),
        ("proc.sys.net.ipv4.conf.eth0/1.forwarding", "proc/sys/net/ipv4/conf/eth0.1/forwarding"),
        ("sys.kernel.mm.ksm.run", "sys/kernel/mm/ksm/run"),
    ],
)
def test_names(name: str, path: str) -> None:
    assert sysctl.path_of(name, Path("/r")) == Path("/r") / path


@pytest.mark.parametrize("name", ["etc.passwd", "proc.sys..x", "proc/sys/../x", "", "proc.self", "proc/sys/net/"])
def test_names_that_lead_elsewhere(name: str) -> None:
    with pytest.raises(Invalid):
        sysctl.path_of(name)


def test_a_container_writes_what_its_namespaces_hold_and_nothing_else(tmp_path: Path) -> None:
    for name in ("net/ipv4/ip_forward", "vm/overcommit_memory"):
        (tmp_path / "proc/sys" / name).parent.mkdir(parents=True)
        (tmp_path / "proc/sys" / name).write_text("0\n")
    sysctl.write("proc.sys.net.ipv4.ip_forward", "1", CONTAINER, tmp_path)
    assert sysctl.read("proc.sys.net.ipv4.ip_forward", tmp_path) == "1"
    with pytest.raises(Unsupported, match="host's"):
        sysctl.write("proc.sys.vm.overcommit_memory", "1", CONTAINER, tmp_path)
    assert sysctl.read("proc.sys.vm.overcommit_memory", tmp_path) == "0"


def test_what_the_kernel_lacks_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "proc/sys/net").mkdir(parents=True)
    assert sysctl.read("proc.sys.net.nothing", tmp_path) is None
    with pytest.raises(FileNotFoundError):
        sysctl.write("proc.sys.net.nothing", "1", CONTAINER, tmp_path)
    assert sysctl.read("proc.sys.kernel.ostype") == "Linux"
