"""Filters: assembled as the kernel's documentation says, and doing what they say in the kernel."""

import errno
import os
import re
import signal
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core.base.errors import Invalid, NotFound
from core.linux import syscalls
from core.linux.seccomp import Filter, assemble, load
from ext import sys as kernel

KILL, ALLOW, MISSING = 0x80000000, 0x7FFF0000, 0x00050000 | errno.ENOSYS
CLONE, THREAD, NEWUSER, NEWTIME = 56, 0x10000, 0x10000000, 0x80


def evaluate(program: bytes, arch: int, number: int, argument: int = 0) -> int:
    """A second, slow reading of the program: the classic BPF machine."""
    data = struct.pack("=IIQQ", number, arch, 0, argument)
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = at = 0
    while True:
        code, on_true, on_false, value = instructions[at]
        at += 1
        if code == 0x20:
            accumulator = struct.unpack_from("=I", data, value)[0]
        elif code == 0x54:
            accumulator &= value
        elif code == 0x15:
            at += on_true if accumulator == value else on_false
        elif code == 0x35:
            at += on_true if accumulator >= value else on_false
        else:
            assert code == 0x06
            return int(value)


def test_the_program_allows_what_is_listed_and_nothing_else() -> None:
    names = sorted(syscalls.NUMBERS)
    for allowed, missing in (([], []), (["read"], ["clone3"]), (names[:200], names[200:230]), (names[100:352], [])):
        program = assemble(Filter(tuple(allowed), tuple(missing)))
        for number in range(500):
            known = syscalls.name(number)
            expected = ALLOW if known in allowed else MISSING if known in missing else KILL
            assert evaluate(program, kernel.AUDIT_ARCH, number) == expected
            assert evaluate(program, kernel.AUDIT_ARCH, number | 0x40000000) == KILL
            assert evaluate(program, 0x40000003, number) == KILL


def test_threads_alone_are_cloned() -> None:
    program = assemble(Filter(("read",), threads=True))
    for flags, expected in ((THREAD | 0x3D0F00, ALLOW), (0, KILL), (signal.SIGCHLD, KILL), (THREAD | NEWUSER, KILL)):
        assert evaluate(program, kernel.AUDIT_ARCH, CLONE, flags) == expected
    assert evaluate(program, kernel.AUDIT_ARCH, CLONE, THREAD | NEWTIME) == KILL
    assert evaluate(program, kernel.AUDIT_ARCH, 0, 7) == ALLOW
    assert evaluate(assemble(Filter(("read",))), kernel.AUDIT_ARCH, CLONE, THREAD) == KILL


def test_some_are_allowed_with_some_first_arguments() -> None:
    only = (("socket", (1, 2, 10)), ("prctl", (15,)))
    program = assemble(Filter(("read",), ("prctl",), only, threads=True))
    for number, argument, expected in (
        *((41, family, ALLOW) for family in (1, 2, 10)),
        *((41, family, KILL) for family in (0, 3, 16, 17, 40)),
        (157, 15, ALLOW),
        (157, 4, MISSING),
        (0, 15, ALLOW),
        (CLONE, THREAD, ALLOW),
        (59, 15, KILL),
    ):
        assert evaluate(program, kernel.AUDIT_ARCH, number, argument) == expected


def test_what_is_no_call_and_too_many_are_refused() -> None:
    with pytest.raises(NotFound, match="no system call fly"):
        assemble(Filter(("fly",)))
    with pytest.raises(Invalid, match="room for 252"):
        assemble(Filter(tuple(sorted(syscalls.NUMBERS)[:253])))


def test_names_are_the_kernels() -> None:
    """Against the header that C programs are compiled with, which may be older."""
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read_text()
    theirs = {name: int(number) for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", header, re.M)}
    assert len(theirs) > 300
    assert {name: syscalls.number(name) for name in theirs} == theirs
    assert all(syscalls.name(number) == name for name, number in theirs.items())
    assert syscalls.name(9999) == "call 9999"


def _confined(rule: Filter, work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        load(rule)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_kernel_obeys() -> None:
    own = ("exit_group", "getpid", "futex", "mmap", "munmap", "brk", "mprotect")
    assert _confined(Filter(own), os.getpid) == 0
    assert _confined(Filter(own), os.getppid) == -signal.SIGSYS
    assert _confined(Filter(own, missing=("getppid",)), os.getppid) == 0


def test_a_thread_starts_by_clone_where_clone3_is_missing() -> None:
    def work() -> None:
        thread = threading.Thread(target=os.getpid)
        thread.start()
        thread.join()

    def processes() -> None:
        if os.fork() == 0:
            os._exit(0)

    calls = "exit exit_group futex getpid gettid mmap mprotect munmap madvise brk rseq rt_sigprocmask sched_yield"
    sanitizers = "sched_getaffinity sigaltstack"  # as `make debug` begins a thread
    rule = Filter(
        (*calls.split(), *sanitizers.split(), "rt_sigaction", "set_robust_list", "write"),
        missing=("clone3", "prctl"),
        threads=True,
    )
    assert _confined(rule, work) == 0
    assert _confined(rule, processes) == -signal.SIGSYS
