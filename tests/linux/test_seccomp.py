"""Filters: assembled as the kernel's documentation says, and doing what they say in the kernel."""

import os
import signal
import struct

from core.linux.seccomp import Filter, assemble, load
from ext import sys as kernel


def evaluate(program: bytes, arch: int, number: int) -> int:
    """A second, slow reading of the program: the classic BPF machine."""
    data = struct.pack("=II", number, arch)
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = at = 0
    while True:
        code, on_true, on_false, value = instructions[at]
        at += 1
        if code == 0x20:
            accumulator = struct.unpack_from("=I", data, value)[0]
        elif code == 0x15:
            at += on_true if accumulator == value else on_false
        elif code == 0x35:
            at += on_true if accumulator >= value else on_false
        else:
            assert code == 0x06
            return int(value)


KILL, ALLOW = 0x80000000, 0x7FFF0000


def test_the_program_denies_what_is_listed_and_nothing_else() -> None:
    for denied in ((), (59,), (59, 101, 322), tuple(range(100, 150))):
        program = assemble(Filter(denied))
        for number in range(400):
            assert evaluate(program, kernel.AUDIT_ARCH, number) == (KILL if number in denied else ALLOW)
        assert evaluate(program, kernel.AUDIT_ARCH, 0x40000000) == KILL
        assert evaluate(program, 0x40000003, 1) == KILL


def test_the_kernel_obeys() -> None:
    pid = os.fork()
    if pid == 0:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        load(Filter((kernel.SYS_unshare,)))
        kernel.unshare(0)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGSYS
