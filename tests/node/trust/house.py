"""A control plane's machined and trustd in one process: real sockets, real TLS, a store with what a config brings."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from core.base.clock import SystemClock
from core.config import generate
from core.config.generate import Options
from core.node.api.trust import Authority
from core.node.controllers.config import machine_type
from core.node.controllers.secrets import APICertificates, CertSANs, TrustdCertificates, os_root
from core.node.holders import Holders, Joined
from core.node.resources.config import MachineConfig
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import TrustdCerts
from core.node.survivor import Survivor
from core.node.trust import Desk
from core.pki import jobs
from core.rpc.client import Channel
from core.rpc.pb.security import security_pb2 as pb
from core.rpc.server import Server
from core.rpc.tls import ClientTLS
from tests.node.controllers.house import House
from tests.support.fdtable import FdTable

NOW = SystemClock().now()
SECRETS = generate.new_secrets(NOW)
OPTIONS = Options(name="c", endpoint="https://api.example.org:6443")
CONFIG = generate.control_plane(SECRETS, OPTIONS)
WORKER = generate.worker(SECRETS, OPTIONS)
TOKEN = SECRETS.trustd.token
CERTIFICATE = "/securityapi.SecurityService/Certificate"


async def work(function: str, payload: bytes) -> bytes:
    """What a worker does, in this process."""
    assert function == "core.pki.jobs:issue"
    return jobs.issue(payload)


class ControlPlane(House):
    """Called cp-1 at 10.0.0.2, 127.0.0.1 among its own."""

    def __init__(self) -> None:
        clock = SystemClock()
        controllers = [os_root(), CertSANs(), machine_type(), APICertificates(work), TrustdCertificates()]
        super().__init__(clock, controllers)
        self.table = FdTable()
        self._ledger = Survivor(self.table, "joined", dict[str, Joined])
        self.holders = Holders(self.store, self._ledger, clock)
        self.server = Server([Authority(self.store, self.holders, work, clock).service()])
        self.put("accumulative", NodeAddress(addresses=("10.0.0.2/24",)))
        self.put("hostname", HostnameStatus(hostname="cp-1", domainname="example.org"))
        self.put("v1alpha1", MachineConfig(yaml_marshalled=CONFIG))

    def age(self) -> None:
        """Half the life of every certificate made here has passed."""
        before = self._ledger.load() or {}
        self._ledger.save({key: msgspec.structs.replace(one, due=0.0) for key, one in before.items()})
        self.holders.__init__(self.store, self._ledger, SystemClock())  # type: ignore[misc] # as after a restart

    def close(self) -> None:
        """Let go of what would outlive it."""
        self._ledger.close()
        self.table.close()


async def ask(port: int, csr: bytes, *, host: str = "127.0.0.1", tokens: tuple[str, ...] = (TOKEN,)) -> bytes:
    """A joining node's call on a connection of its own; the certificate."""
    tls = ClientTLS(SECRETS.certs.os.crt)
    async with Channel(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", tls) as channel:
        request = pb.CertificateRequest(csr=csr)
        pairs = [("token", token) for token in tokens]
        answer = await channel.unary(CERTIFICATE, request, pb.CertificateResponse, pairs, timeout=20)
        assert answer.ca == SECRETS.certs.os.crt
        return answer.crt


@asynccontextmanager
async def control_plane(folder: Path, port: int = 0) -> AsyncIterator[tuple[ControlPlane, int]]:
    """It and trustd's port on every loopback address."""
    plane, clock = ControlPlane(), SystemClock()
    own = socket.socket(socket.AF_UNIX)
    door = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    own.bind(str(folder / "trustd.sock"))
    own.listen()
    with own, door:
        async with plane.running(), Channel(folder / "trustd.sock") as channel:
            await plane.server.serve(own)
            await plane.until(lambda: plane.store.find(TrustdCerts.at("trustd")))
            desk = Desk(channel, clock)
            serving = asyncio.create_task(desk.serve(door))
            try:
                yield plane, door.getsockname()[1]
            finally:
                serving.cancel()
                await asyncio.wait([serving])
                await desk.server.drain(0)
                await plane.server.drain(0)
                plane.close()
