"""Containers, Stats and Restart: what containerd runs, by namespace. To who asks as CRI would answer (driver CRI), pods
and what is in them have the names that Kubernetes gave them."""

from dataclasses import dataclass, replace
from signal import SIGTERM
from typing import Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage

from core.base.errors import NotFound
from core.node.api.instances import PODS, named
from core.node.containers import kubernetes
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
        known = await records(containerd)
        tasks = await containerd.call("tasks", "List", tasks_pb2.ListTasksRequest(), tasks_pb2.ListTasksResponse)
        running = {task.container_id or task.id: task for task in tasks.tasks}
        if request.driver == common_pb2.CRI:
            pods = [_pod_info(each, running.get(each.record.id)) for each in kubernetes.instances(known)]
            return pb.ContainersResponse(messages=[pb.Container(containers=pods)])
        found = [
            _info(request.namespace, container, running.get(container.id))
            for container in sorted(known, key=lambda container: container.id)
        ]
        return pb.ContainersResponse(messages=[pb.Container(containers=found)])

    async def stats(self, ctx: Any, request: pb.StatsRequest) -> pb.StatsResponse:
        """What each running container of a namespace uses: memory in bytes, processor time in nanoseconds."""
        containerd, reply = self._within(request), tasks_pb2.MetricsResponse
        found = await containerd.call("tasks", "Metrics", tasks_pb2.MetricsRequest(), reply)
        if request.driver == common_pb2.CRI:
            used = {metric.id: usage(metric.data) for metric in found.metrics}
            pods = [each for each in kubernetes.instances(await records(containerd)) if each.record.id in used]
            shown = [_pod_stat(each, *used[each.record.id]) for each in pods]
            return pb.StatsResponse(messages=[pb.Stats(stats=shown)])
        stats = [
            pb.Stat(namespace=request.namespace, id=m.id, pod_id=m.id, name=m.id, memory_usage=memory, cpu_usage=cpu)
            for m in sorted(found.metrics, key=lambda metric: metric.id)
            for memory, cpu in (usage(m.data),)
        ]
        return pb.StatsResponse(messages=[pb.Stats(stats=stats)])

    async def restart(self, ctx: Any, request: pb.RestartRequest) -> pb.RestartResponse:
        """SIGTERM to a container's process; whoever runs it starts it again."""
        containerd, id_ = self._within(request), request.id
        if request.driver == common_pb2.CRI:
            id_ = kubernetes.find(await records(containerd), id_).record.id
        container = Container(containerd, id_)
        if await container.status() is None:
            raise NotFound(f'container "{request.id}" not found')
        await container.kill(SIGTERM)
        return pb.RestartResponse(messages=[pb.Restart()])

    def _within(self, request: Request) -> Containerd:
        of_pods = request.driver == common_pb2.CRI
        return replace(self.containerd, namespace=PODS if of_pods else named(request.namespace))


async def records(containerd: Containerd) -> list[containers_pb2.Container]:
    """All of a namespace."""
    reply = containers_pb2.ListContainersResponse
    found = await containerd.call("containers", "List", containers_pb2.ListContainersRequest(), reply)
    return list(found.containers)


def _pod_info(each: kubernetes.Instance, task: task_pb2.Process | None) -> pb.ContainerInfo:
    info = _info(PODS, each.record, task)
    info.id, info.pod_id, info.name = each.id, each.pod_id, each.name or each.pod
    return info


def _pod_stat(each: kubernetes.Instance, memory: int, cpu: int) -> pb.Stat:
    return pb.Stat(
        namespace=PODS,
        id=each.id,
        pod_id=each.pod_id,
        name=each.name or each.pod,
        memory_usage=memory,
        cpu_usage=cpu,
    )


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
