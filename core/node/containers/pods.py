"""Pods as containerd knows them (CRI), and their end: those that others lean on last, each with time to end by itself.
Owns the order; whoever started them (a kubelet) must have stopped by then, or starts them again."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.node.containers.client import Containerd
from core.rpc.pb.cri import runtime_pb2 as cri

SERVICE: Final = "/runtime.v1.RuntimeService"
SOURCE: Final = "kubernetes.io/config.source"  # file, http, or api for pods that a scheduler placed
SYSTEM: Final = "kube-system"
_ANSWER: Final = 30.0  # seconds beyond what a pod was given


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that has a sandbox."""

    id: str
    namespace: str
    name: str
    annotations: Mapping[str, str]

    @property
    def critical(self) -> bool:
        """Whether other pods lean on it: the node's own, and those of the system."""
        return self.namespace == SYSTEM or self.annotations.get(SOURCE, "api") != "api"


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of one containerd."""

    containerd: Containerd

    async def list(self) -> list[Pod]:
        """Those that run."""
        only = cri.PodSandboxFilter(state=cri.PodSandboxStateValue(state=cri.SANDBOX_READY))
        found = await self.containerd.channel.unary(
            f"{SERVICE}/ListPodSandbox", cri.ListPodSandboxRequest(filter=only), cri.ListPodSandboxResponse
        )
        return [
            Pod(each.id, each.metadata.namespace, each.metadata.name, dict(each.annotations)) for each in found.items
        ]

    async def stop_all(self, seconds: int, critical: int) -> None:
        """End them all within about `seconds`, of which the last `critical` are for the critical ones alone. Raises
        ExceptionGroup of what could not be ended."""
        pods = await self.list()
        await self._stop([pod for pod in pods if not pod.critical], seconds - critical)
        await self._stop([pod for pod in pods if pod.critical], critical)

    async def _stop(self, pods: Sequence[Pod], seconds: int) -> None:
        async with asyncio.TaskGroup() as group:
            for pod in pods:
                group.create_task(self.stop(pod, seconds))

    async def stop(self, pod: Pod, seconds: int) -> None:
        """SIGTERM to each of its containers, SIGKILL after `seconds`; then its network and its sandbox go."""
        channel = self.containerd.channel
        only = cri.ContainerFilter(pod_sandbox_id=pod.id, state=cri.ContainerStateValue(state=cri.CONTAINER_RUNNING))
        found = await channel.unary(
            f"{SERVICE}/ListContainers", cri.ListContainersRequest(filter=only), cri.ListContainersResponse
        )
        async with asyncio.TaskGroup() as group:
            for container in found.containers:
                request = cri.StopContainerRequest(container_id=container.id, timeout=seconds)
                path, reply = f"{SERVICE}/StopContainer", cri.StopContainerResponse
                group.create_task(channel.unary(path, request, reply, timeout=seconds + _ANSWER))
        ending = cri.StopPodSandboxRequest(pod_sandbox_id=pod.id)
        await channel.unary(f"{SERVICE}/StopPodSandbox", ending, cri.StopPodSandboxResponse, timeout=_ANSWER)
