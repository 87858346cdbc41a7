"""Names of capabilities against setpriv's, which has them from the kernel's headers."""

import subprocess
from pathlib import Path

from core.linux.rights import NAMES, held, named
from ext import sys as kernel


def test_every_name_stands_at_its_number() -> None:
    known = subprocess.run(["setpriv", "--list-caps"], capture_output=True, text=True, check=True).stdout.split()
    assert [f"CAP_{name.upper()}" for name in known] == list(NAMES[: len(known)])
    assert named(1 << kernel.CAP_SYS_RESOURCE | 1 << kernel.CAP_MKNOD) == {"CAP_SYS_RESOURCE", "CAP_MKNOD"}
    assert named(0) == frozenset()


def test_what_is_held_is_what_proc_says() -> None:
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("CapPrm"))
    assert held() == named(int(line.split()[1], 16))
