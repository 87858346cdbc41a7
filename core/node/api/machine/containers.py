"""Containers, Stats and Restart: what containerd runs, by namespace. Pods and what is in them are CRI's to tell, and
that does not run here yet; a list of them is refused rather than empty."""

from dataclasses import dataclass, replace
from signal import SIGTERM
from typing import Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage

from core.base.errors import NotFound, Unsupported
from core.node.api.instances import named
from core.node.api.later import KUBERNETES
from core.node.containers.client import Containerd
from core.node.containers.container import Container
from core.rpc.pb.common import common_pb2
from core.rpc.pb.containerd import containers_pb2, metrics_pb2, task_pb2, tasks_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, unary

_MICRO: Final = 1000  # nanoseconds
Request = pb.ContainersRequest | pb.StatsRequest | pb.RestartRequest


@dataclass(frozen=True, slots=True)
class Containers:
    """The handlers over one containerd."""

    containerd: Containerd

    def methods(self) -> dict[str, Method]:
        """What is served from here."""
        return {
            "Containers": unary(self.list, pb.ContainersRequest, pb.ContainersResponse),
            "Stats": unary(self.stats, pb.StatsRequest, pb.StatsResponse),
            "Restart": unary(self.restart, pb.RestartRequest, pb.RestartResponse),
        }

    async def list(self, ctx: Any, request: pb.ContainersRequest) -> pb.ContainersResponse:
        """Every container of a namespace by id, with the process that runs in it."""
        containerd = self._within(request)
        reply = containers_pb2.ListContainersResponse
        known = await containerd.call("containers", "List", containers_pb2.ListContainersRequest(), reply)
        tasks = await containerd.call("tasks", "List", tasks_pb2.ListTasksRequest(), tasks_pb2.ListTasksResponse)
        running = {task.container_id or task.id: task for task in tasks.tasks}
        found = [
            _info(request.namespace, container, running.get(container.id))
            for container in sorted(known.containers, key=lambda container: container.id)
        ]
        return pb.ContainersResponse(messages=[pb.Container(containers=found)])

    async def stats(self, ctx: Any, request: pb.StatsRequest) -> pb.StatsResponse:
        """What each running container of a namespace uses: memory in bytes, processor time in nanoseconds."""
        reply = tasks_pb2.MetricsResponse
        found = await self._within(request).call("tasks", "Metrics", tasks_pb2.MetricsRequest(), reply)
        stats = [
            pb.Stat(namespace=request.namespace, id=m.id, pod_id=m.id, name=m.id, memory_usage=memory, cpu_usage=cpu)
            for m in sorted(found.metrics, key=lambda metric: metric.id)
            for memory, cpu in (usage(m.data),)
        ]
        return pb.StatsResponse(messages=[pb.Stats(stats=stats)])

    async def restart(self, ctx: Any, request: pb.RestartRequest) -> pb.RestartResponse:
        """SIGTERM to a container's process; whoever runs it starts it again."""
        container = Container(self._within(request), request.id)
        if await container.status() is None:
            raise NotFound(f'container "{request.id}" not found')
        await container.kill(SIGTERM)
        return pb.RestartResponse(messages=[pb.Restart()])

    def _within(self, request: Request) -> Containerd:
        if request.driver == common_pb2.CRI:
            raise Unsupported(KUBERNETES, remedy="ask for the containers of the system")
        return replace(self.containerd, namespace=named(request.namespace))


def _info(namespace: str, container: containers_pb2.Container, task: task_pb2.Process | None) -> pb.ContainerInfo:
    return pb.ContainerInfo(
        namespace=namespace,
        id=container.id,
        internal_id=container.id,
        pod_id=container.id,
        name=container.id,
        image=container.image,
        pid=task.pid if task is not None else 0,
        status=task_pb2.Status.Name(task.status) if task is not None else "UNKNOWN",
    )


def usage(data: AnyMessage) -> tuple[int, int]:
    """Bytes of memory and nanoseconds of processor time, from either kind of control groups."""
    if ".v2." in data.type_url:
        second = metrics_pb2.V2.FromString(data.value)
        return second.memory.usage, second.cpu.usage_usec * _MICRO
    first = metrics_pb2.V1.FromString(data.value)
    return first.memory.usage.usage, first.cpu.usage.total
