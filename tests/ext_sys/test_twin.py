"""The syscall tables against the same facts got otherwise: the standard library's constants and calls, and /proc."""

import fcntl
import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ext import sys as kernel
from ext.sys import constants
from tests.ext_sys.test_calls import child


def test_constants_are_those_of_the_standard_library() -> None:
    """The others have one definition alone, the header's, which the compiler reads for us."""
    ours = {name: value for name, value in vars(constants).items() if name.isupper()}
    known = {name: int(getattr(module, name)) for module in (os, fcntl) for name in dir(module) if name in ours}
    assert len(known) == 6
    assert known.items() <= ours.items()


@settings(max_examples=25)
@given(st.integers(0, 2**41 - 1), st.integers(0, 2**41 - 1), st.integers(0, 2**41 - 1))
def test_capabilities_are_those_of_proc(effective: int, permitted: int, inheritable: int) -> None:
    permitted &= kernel.capget()[1]
    effective &= permitted
    inheritable &= permitted

    def work() -> None:
        kernel.capset(effective, permitted, inheritable)
        lines = dict(line.split(":\t", 1) for line in Path("/proc/thread-self/status").read_text().splitlines())
        sets = tuple(int(lines[name], 16) for name in ("CapEff", "CapPrm", "CapInh"))
        assert sets == (effective, permitted, inheritable)
        assert kernel.capget() == (effective, permitted, inheritable)

    child(work)


@settings(max_examples=50)
@given(st.text(st.characters(exclude_characters="\0/", codec="utf-8"), max_size=60), st.integers(0, 7))
def test_memory_files_are_those_of_os(name: str, seals: int) -> None:
    flags = kernel.MFD_CLOEXEC | kernel.MFD_ALLOW_SEALING
    ours, theirs = kernel.memfd_create(name, flags), os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        assert os.readlink(f"/proc/self/fd/{ours}") == os.readlink(f"/proc/self/fd/{theirs}")  # noqa: PTH115 - no paths
        kernel.seal(ours, seals)
        fcntl.fcntl(theirs, fcntl.F_ADD_SEALS, seals)
        for command in (fcntl.F_GET_SEALS, fcntl.F_GETFD, fcntl.F_GETFL):
            assert fcntl.fcntl(ours, command) == fcntl.fcntl(theirs, command)
    finally:
        os.close(ours)
        os.close(theirs)
