"""Members of etcd for tests: the real program, by the command line a node would give it, on loopback addresses."""

import contextlib
import itertools
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from time import time
from typing import Final

from core.cluster.etcd import flags
from core.cluster.etcd.client import Etcd
from core.pki import jobs
from core.pki.types import Algorithm, Authority, Client, Issued, Member, Pair
from core.rpc.tls import ClientTLS
from tests.support import debian
from tests.support.netns import Namespace

VERSION: Final = (3, 5)
_numbers: Final = itertools.count(1)


def program(name: str) -> Path:
    """etcd, etcdctl or etcdutl."""
    return debian.collected("etcd", ("etcd-server", "etcd-client")) / "usr/bin" / name


class Running:
    """A member that may be started, killed and emptied. `address` is its own, in `space` if that is given. One that is
    not `patient` changes members at any time, and not only when 5 s have passed since the last change."""

    def __init__(
        self, folder: Path, name: str, authority: Pair, patient: bool, address: str = "", space: Namespace | None = None
    ) -> None:
        self.folder, self.name, self._patient, self._space = folder / name, name, patient, space
        number = next(_numbers)
        self.address = address or f"127.{100 + os.getpid() % 100}.{os.getpid() // 100 % 250}.{number}"
        self.peer_urls = flags.urls([self.address], flags.PEER_PORT)
        self.folder.mkdir()
        # a peer must come from an address that its certificate names, and on this link they come from 127.0.0.1
        made = issued(Member(time(), authority, name, (name,), (self.address, "127.0.0.1")))
        (self.folder / "ca").write_bytes(made.ca)
        (self.folder / "crt").write_bytes(made.crt)
        (self.folder / "key").write_bytes(made.key)
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = self.folder / "pid"

    def start(self, members: Sequence[str] = (), *, new: bool = False, token: str = "") -> None:
        """Run it; what it says is in `log`."""
        self._reap()  # another process may have killed the one before
        own = [self.address]
        launch = flags.Launch(self.name, own, members, new, token, own, own, self._extra())
        with (self.folder / "log").open("ab") as log:
            command = [str(program("etcd")), *flags.arguments(launch, VERSION)]
            if self._space is not None:
                command = self._space.command(*command)
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self._pid.write_text(str(self._process.pid))

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, if it runs, whoever started it."""
        if self.alive:
            fd = self.send(number)
            select.select([fd], [], [])
            os.close(fd)
            self._pid.unlink()
        self._reap()

    def send(self, number: signal.Signals) -> int:
        """Give it a signal; a pidfd of it, to be closed."""
        fd = os.pidfd_open(int(self._pid.read_text()))
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(fd, number)
        return fd

    @property
    def alive(self) -> bool:
        """It runs, or has ended without being killed."""
        return self._pid.exists()

    def empty(self) -> None:
        """Lose all it knew."""
        self.kill()
        shutil.rmtree(self.folder / "data", ignore_errors=True)

    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "log").read_text()

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _extra(self) -> dict[str, list[str]]:
        hasty = {} if self._patient else {"strict-reconfig-check": ["false"]}
        own = {"data-dir": "data", "cert-file": "crt", "key-file": "key", "trusted-ca-file": "ca"}
        own |= {f"peer-{flag}": file for flag, file in own.items() if flag != "data-dir"}
        return {flag: [str(self.folder / file)] for flag, file in own.items()} | hasty


class Etcds:
    """Members under one authority, and a client's certificate."""

    def __init__(self, folder: Path, *, patient: bool = True) -> None:
        made = issued(Authority(time(), Algorithm.P256, "etcd"))
        self.folder, self.authority, self._patient = folder, Pair(made.crt, made.key), patient
        admin = issued(Client(time(), self.authority, (), "admin"))
        self.tls = ClientTLS(admin.ca, admin.crt, admin.key)
        self.all: list[Running] = []

    def add(self, name: str, address: str = "", space: Namespace | None = None) -> Running:
        """One more, not started."""
        self.all.append(Running(self.folder, name, self.authority, self._patient, address, space))
        return self.all[-1]

    def client(self, member: Running) -> Etcd:
        """To be closed."""
        return Etcd(f"{member.address}:{flags.CLIENT_PORT}", self.tls)

    def end(self) -> None:
        """Kill all."""
        for member in self.all:
            member.kill()


def issued(job: Authority | Client | Member) -> Issued:
    """A certificate, made in this process."""
    made = jobs.run(job)
    assert isinstance(made, Issued)
    return made
