"""The accelerator's choice: never one that cannot boot a kernel."""

from pathlib import Path

from core.provision.accelerator import accelerator
from tests.support.qemu import blank_disk


def test_what_boots_no_kernel_is_not_taken(tmp_path: Path) -> None:
    """A file of zeros is no kernel, and a device that is absent is no KVM: both fall back to emulation."""
    nothing = blank_disk(tmp_path / "kernel", 1 << 16)
    assert accelerator(nothing, tmp_path / "absent") == "tcg"
    assert accelerator(tmp_path / "absent") == "tcg"
