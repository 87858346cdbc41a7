"""One QEMU machine as a process that outlives its starter: start, stop, monitor, console. Owns the folder it is given
(console.log, qemu.log, qmp.sock, pid) and nothing else on the host; user-mode network only reaches loopback. A later
process finds the machine again by pid and start time. Refuses to guess: every wait has a deadline."""

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from core.base.errors import AlreadyExists, IchorError, NotFound, Unsupported
from core.provision.console import died_before_init, tail
from core.provision.qemu_spec import Disk, Forward, Spec, command
from core.provision.qmp import Qmp

__all__ = ["Disk", "Forward", "Machine", "MachineError", "Spec"]

_POLL: Final = 0.05
_FORWARDED: Final = re.compile(r"^\s*(TCP|UDP)\[HOST_FORWARD\]\s+\d+\s+(\S+)\s+(\d+)\s+\S+\s+(\d+)", re.M)

# started by this process, to be reaped by whichever `Machine` sees them end
_children: dict[int, "subprocess.Popen[bytes]"] = {}


class MachineError(IchorError):
    """The machine stopped, died early or did not show what was waited for; carries the console's end."""


class Machine:
    """The machine in `spec.folder`, running or not."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    # life

    def start(self) -> None:
        """Start QEMU from power-off; returns when the monitor answers. Raises AlreadyExists, MachineError."""
        if self.running:
            raise AlreadyExists(f"the machine in {self.spec.folder} runs already")
        if shutil.which("qemu-system-x86_64") is None:
            raise Unsupported("qemu-system-x86_64 is not installed", remedy="run `make setup`")
        self._reap()
        self._console.write_bytes(b"")
        with self._listener() as listener, self._log.open("wb") as log:
            child = subprocess.Popen(
                command(self.spec, listener.fileno()),
                cwd=self.spec.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(listener.fileno(),),
                start_new_session=True,
            )
        _children[child.pid] = child
        self._pid_file.write_text(f"{child.pid} {_start_time(child.pid)}\n")
        try:
            with self.monitor():
                pass
        except (OSError, IchorError) as error:
            self.kill()
            raise MachineError(f"QEMU did not start: {self._log.read_text(errors='replace').strip()}") from error

    def boot(self, pattern: str, timeout: float, *, attempts: int = 3) -> int:
        """Start and wait for `pattern` on the console; how many kernels died before init and were started again."""
        for attempt in range(attempts):
            self.start()
            try:
                self.expect(pattern, timeout)
            except MachineError:
                self.kill()
                if attempt + 1 == attempts or not died_before_init(self.console()):
                    raise
            else:
                return attempt
        raise AssertionError("unreachable")

    def stop(self, timeout: float = 60.0) -> bool:
        """Press the power button, then pull the plug after `timeout`; whether the guest went by itself."""
        if not self.running:
            return True
        with self.monitor() as qmp:
            qmp.execute("system_powerdown")
        gone = self.wait(timeout)
        self.kill()
        return gone

    def kill(self) -> None:
        """Pull the plug; nothing is left but the folder's files. Idempotent."""
        fd = self._pidfd()
        if fd is not None:
            with _closing(fd):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
                _exited(fd, 10.0)
        self._reap()
        for path in (self._pid_file, self._socket):
            path.unlink(missing_ok=True)

    def wait(self, timeout: float) -> bool:
        """Whether QEMU has exited within `timeout` seconds (a guest that powered off)."""
        fd = self._pidfd()
        if fd is not None:
            with _closing(fd):
                if not _exited(fd, timeout):
                    return False
        self._reap()
        return True

    @property
    def running(self) -> bool:
        """Whether this machine's QEMU is alive, whoever started it."""
        fd = self._pidfd()
        if fd is None:
            return False
        with _closing(fd):
            return not _exited(fd, 0)

    @property
    def pid(self) -> int | None:
        """The pid of the running QEMU."""
        return self._recorded()[0] if self.running else None

    # looking at it

    def monitor(self, timeout: float = 10.0) -> Qmp:
        """A connected monitor; QEMU serves one client at a time."""
        folder = os.open(self.spec.folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout)
            # through the folder's fd, because a socket path holds 107 bytes and folders may be longer
            sock.connect(f"/proc/self/fd/{folder}/{self._socket.name}")
            return Qmp(sock, timeout=timeout)
        except BaseException:
            sock.close()
            raise
        finally:
            os.close(folder)

    def ports(self) -> dict[int, int]:
        """Guest port -> loopback port of every forward, as QEMU bound them."""
        with self.monitor() as qmp:
            return {int(guest): int(host) for _, _, host, guest in _FORWARDED.findall(qmp.human("info usernet"))}

    def console(self) -> bytes:
        """All that the serial console has said since `start`."""
        return self._console.read_bytes() if self._console.exists() else b""

    def expect(self, pattern: str, timeout: float, *, start: int = 0) -> int:
        """Wait until `pattern` (a regular expression) is on the console after offset `start`; the offset behind it.

        Raises MachineError when the time is up, when the kernel dies before init, or when QEMU exits.
        """
        wanted, deadline = re.compile(pattern.encode(), re.M), time.monotonic() + timeout
        fd = self._pidfd()
        try:
            while True:
                gone = fd is None or _exited(fd, _POLL)
                text = self.console()
                if match := wanted.search(text, start):
                    return match.end()
                if gone or time.monotonic() > deadline or died_before_init(text):
                    why = "QEMU exited" if gone else "the kernel died" if died_before_init(text) else "time is up"
                    raise MachineError(f"{why} before {pattern!r} was on the console; it ends with\n{tail(text)}")
        finally:
            if fd is not None:
                os.close(fd)

    # its files

    @property
    def _console(self) -> Path:
        return self.spec.folder / "console.log"

    @property
    def _log(self) -> Path:
        return self.spec.folder / "qemu.log"

    @property
    def _socket(self) -> Path:
        return self.spec.folder / "qmp.sock"

    @property
    def _pid_file(self) -> Path:
        return self.spec.folder / "pid"

    def _listener(self) -> socket.socket:
        """Listening before QEMU starts, so that there is no moment at which the monitor is missing."""
        self._socket.unlink(missing_ok=True)
        folder = os.open(self.spec.folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.bind(f"/proc/self/fd/{folder}/{self._socket.name}")
            sock.listen(1)
            return sock
        finally:
            os.close(folder)

    def _recorded(self) -> tuple[int, int]:
        try:
            pid, start = self._pid_file.read_text().split()
        except (FileNotFoundError, ValueError):
            return 0, 0
        return int(pid), int(start)

    def _pidfd(self) -> int | None:
        pid, start = self._recorded()
        if not pid:
            return None
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return None
        try:
            if _start_time(pid) == start:
                return fd
        except NotFound:
            pass
        os.close(fd)
        return None

    def _reap(self) -> None:
        child = _children.pop(self._recorded()[0], None)
        if child is not None:
            child.wait(10.0)


class _closing:
    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _exited(pidfd: int, timeout: float) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


def _start_time(pid: int) -> int:
    """Field 22 of /proc/PID/stat: with the pid it names a process for good."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        raise NotFound(f"no process {pid}") from None
    return int(stat.rpartition(")")[2].split()[19])
