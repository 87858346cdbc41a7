"""The balancer before the API servers as a service (ext/prism): a program of its own, so that nobody's connection
breaks with machined. Owns how it is started, and the packets by which it is told of upstreams and says how they are."""

import asyncio
import resource
import socket
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.node.resources.k8s import KubePrismConfig
from core.node.services.service import Service
from core.node.services.states import State
from core.node.services.supervisor import Supervisor
from core.state import Store
from ext import sys as kernel

ID: Final = "kubeprism"
PROGRAM: Final = "/usr/libexec/ichor/prism"
SOCKET: Final = "/run/ichor/kubeprism.sock"
GROUP: Final = "system/kubeprism"
USER: Final = 52
MOST: Final = 32  # upstreams
_PACKET: Final = 16 << 10
_FILES: Final = 4096  # two for each of its connections
Address = tuple[str, int]  # an IP address and a port


@dataclass(frozen=True, slots=True)
class Upstream:
    """One as the balancer sees it: `state` is unknown, up or down; `latency` in seconds, 0 before it was seen."""

    address: Address
    state: str
    latency: float
    connections: int


def service(store: Store, program: str = PROGRAM, path: str = SOCKET) -> Service:
    """Started and stopped by a controller; where it listens is KubePrismConfig's to say at each start."""

    async def prepare() -> Sequence[str]:
        config = store.get(KubePrismConfig.at("k8s-loadbalancer-config")).spec
        return (str(USER), config.host, str(config.port), path)

    return Service(
        ID,
        (program,),
        prepare=prepare,
        delay=0.5,
        cgroup=GROUP,
        oom_score=-998,
        capabilities=1 << kernel.CAP_SETUID | 1 << kernel.CAP_SETGID,  # which it gives up when it listens
        limits=((resource.RLIMIT_NOFILE, _FILES, _FILES),),
        on_demand=True,
    )


async def run(services: Supervisor, moved: bool) -> None:
    """Have it run; anew when it is to listen elsewhere."""
    if moved and services.unit(ID).state is State.RUNNING:
        await services.renew(ID)
    else:
        services.start(ID)


class Talk:
    """A connection to the balancer. Raises OSError when there is none; close it, or use `async with`."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)

    async def __aenter__(self) -> "Talk":
        try:
            self._socket.connect(self._path)  # a unix socket's is done at once, or refused
        except OSError:
            self._socket.close()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        self._socket.close()

    async def tell(self, upstreams: Iterable[Address]) -> None:
        """These and no others, up to MOST of them; an empty list is none."""
        lines = [f"{host} {port}\n" for host, port in dict.fromkeys(upstreams)]
        await asyncio.get_running_loop().sock_sendall(self._socket, "".join(lines[:MOST]).encode() or b"\n")

    async def hear(self) -> AsyncGenerator[list[Upstream]]:
        """All of them each time that the state of one changes, until the balancer ends."""
        loop = asyncio.get_running_loop()
        while packet := await loop.sock_recv(self._socket, _PACKET):
            yield [_upstream(line) for line in packet.decode().splitlines() if line]


def _upstream(line: str) -> Upstream:
    host, port, state, latency, connections = line.split(" ")
    return Upstream((host, int(port)), state, int(latency) / 1e6, int(connections))
