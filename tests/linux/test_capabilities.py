"""The table of what a node may touch."""

from dataclasses import fields
from pathlib import Path

import pytest

from core.base.errors import Unsupported
from core.linux.capabilities import CONTAINER, Capabilities, detect, platform


def machine(root: Path, cmdline: str, *present: str) -> Path:
    for name in present:
        (root / name).mkdir(parents=True)
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/cmdline").write_text(cmdline)
    return root


def test_a_container_may_touch_nothing_shared(tmp_path: Path) -> None:
    able = detect(machine(tmp_path, "talos.platform=container ip=x\n", "sys/firmware/efi", "proc/modules"))
    assert able == CONTAINER
    assert able.missing() == [field.name for field in fields(Capabilities)]
    with pytest.raises(Unsupported, match="kmsg clear"):
        able.need("kmsg_clear")


def test_a_machine_may_what_its_kernel_can(tmp_path: Path) -> None:
    able = detect(machine(tmp_path, "quiet\n", "sys/firmware/efi", "proc/modules"))
    assert able.clock
    assert able.efi
    assert able.modules
    assert able.missing() == ["kmsg", "device_mapper", "sysrq", "kexec"]
    able.need("clock")


@pytest.mark.parametrize(
    ("cmdline", "name"),
    [("", "metal"), ("talos.platform=aws", "aws"), ("talos.platform=aws x talos.platform=container", "container")],
)
def test_platform(cmdline: str, name: str) -> None:
    assert platform(cmdline) == name
