"""Clients that write as long as a fault lasts, on a cluster of nodes: to etcd (`load`), and through the Kubernetes API
of each node in turn. They run in a thread of their own, as what goes on beside them waits for programs."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from core.base.errors import IchorError
from core.cluster.etcd import flags
from core.cluster.kubernetes import kubeconfig
from core.cluster.kubernetes.client import Kubernetes as Client
from core.cluster.kubernetes.paths import Collection
from tests.support import planes
from tests.support.cluster import Node
from tests.support.history import lost
from tests.support.kubecluster import Kubernetes
from tests.support.load import Load

MAPS: Final = Collection("v1", "configmaps", namespaced=True)
PACE: Final = 0.1  # s; of each client
PATIENCE: Final = 5.0
SECONDS: Final = 240.0


@dataclass
class Writes:
    """What was written through the API, by name; `etcd` is what was written beside it."""

    kube: Kubernetes
    etcd: Load
    acknowledged: list[bytes] = field(default_factory=list)

    async def run(self) -> None:
        """Until stopped."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.etcd.run())
            group.create_task(self._maps())

    def stop(self) -> None:
        """Every client ends after what it is at."""
        self.etcd.stopped = True

    def progress(self) -> float:
        """Return when something that is asked from now on was answered, by etcd and by the API; how long that took."""
        began, ops, maps = time.monotonic_ns(), len(self.etcd.ops), len(self.acknowledged)
        while len(self.acknowledged) < maps + 2 or not any(
            op.wrote and op.ended is not None and op.began > began for op in self.etcd.ops[ops:]
        ):
            assert time.monotonic_ns() - began < SECONDS * 1e9, "nothing is written any more"
            time.sleep(0.01)
        return (time.monotonic_ns() - began) / 1e9

    async def check(self) -> None:
        """Asserts that nothing acknowledged is lost, and that the register was one."""
        await self.etcd.check()
        async with client(self.kube, self.kube.nodes[0]) as api:
            found = await api.list(MAPS, "default")
        assert not lost(self.acknowledged, [each["metadata"]["name"].encode() for each in found["items"]])
        assert self.acknowledged and self.etcd.acknowledged

    async def _maps(self) -> None:
        clients = [client(self.kube, node) for node in self.kube.nodes]
        at = turn = 0
        try:
            while not self.etcd.stopped:
                turn += 1
                name = f"{self.etcd.name}-{turn}"
                if await _created(clients[at % len(clients)], name):
                    self.acknowledged.append(name.encode())
                else:
                    at += 1
                await asyncio.sleep(self.etcd.pace)
        finally:
            for each in clients:
                await each.close()


@contextmanager
def writing(kube: Kubernetes, name: str) -> Iterator[Writes]:
    """While the block lasts; what was acknowledged is looked for when it ends well."""
    addresses = [f"{node.address}:{flags.CLIENT_PORT}" for node in kube.nodes]
    made = Writes(kube, Load(addresses, planes.tls(kube.nodes[0]), name, PACE))
    thread = threading.Thread(target=lambda: asyncio.run(made.run()), name=name)
    thread.start()
    try:
        made.progress()
        yield made
    finally:
        made.stop()
        thread.join()
    asyncio.run(made.check())


async def _created(api: Client, name: str) -> bool:
    thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}
    try:
        async with asyncio.timeout(PATIENCE):
            await api.create(MAPS, thing)
    except (IchorError, TimeoutError):
        return False
    return True


def client(kube: Kubernetes, node: Node) -> Client:
    """Of the API server on that node, with an administrator's rights."""
    config = kube.config.read_text()
    (server,) = (line.split()[-1] for line in config.splitlines() if line.strip().startswith("server:"))
    return kubeconfig.connect(config.replace(server, f"https://{node.address}:6443").encode())
