"""What the kernel says of a process that its filter ended, as it says it."""

import os
import signal
import threading
import time
from pathlib import Path, PosixPath

import pytest

from core.linux import seccomp
from core.linux.refusal import asked, refused
from ext import sys as kernel
from tests.support.clock import FakeClock, on_loop
from tests.support.pid1 import until

KMSG = Path("/dev/kmsg")
LINE = (
    b'5,9,1,-;audit: type=1326 audit(1000.411:56): auid=4294967295 uid=50 gid=50 ses=4294967295 pid=7 comm="%s"'
    b' exe="/ichor/libexec/launch" sig=%d arch=c000003e syscall=%d compat=0 ip=0x7f91f37874f7 code=0x80000000\n'
)


def test_the_last_call_of_that_name_lately(tmp_path: Path) -> None:
    log = tmp_path / "kmsg"
    log.write_bytes(LINE % (b"ichor-apid", 31, 59))
    assert refused(log, "ichor-apid", 1003) == "execve"
    assert refused(log, "ichor-trustd", 1003) == ""
    assert refused(log, "ichor-apid", 1030) == ""
    log.write_bytes(LINE % (b"ichor-apid", 11, 59))
    assert refused(log, "ichor-apid", 1003) == ""
    log.write_bytes(b"6,1,1,-;another line\n")
    assert refused(log, "ichor-apid", 1003) == ""


class Watched(PosixPath):
    """A path that knows which thread used it last."""

    user = 0

    def __fspath__(self) -> str:
        Watched.user = threading.get_ident()
        return super().__fspath__()


@on_loop
async def test_the_log_is_read_beside_the_loop(tmp_path: Path) -> None:
    (tmp_path / "kmsg").write_bytes(LINE % (b"ichor-apid", 31, 59))
    clock = FakeClock(1000.0)
    assert await asked(Watched(tmp_path / "kmsg"), clock)("ichor-apid") == "execve"
    assert Watched.user != threading.get_ident()


@pytest.mark.skipif(not os.access(KMSG, os.R_OK), reason="nobody else reads the kernel's log")
def test_the_kernels_own_words() -> None:
    name = f"ichor-{os.getpid() % 10**8}"

    def told() -> bool:
        """Of one more death: the kernel tells of ten in five seconds, and somebody else's may have been ten."""
        _die(name)
        return refused(KMSG, name, time.time()) == "getppid"

    until(told, 30, "the kernel's record")


def _die(name: str) -> None:
    pid = os.fork()
    if pid == 0:
        kernel.set_name(name)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        seccomp.load(seccomp.Filter(("exit_group",)))
        os.getppid()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGSYS
