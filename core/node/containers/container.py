"""Containers: a record and a snapshot, then a task in it, then nothing of either. Owns the order of the steps, each of
which can be made again after a crash, and `remove` undoes any of them."""

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty

from core.base.errors import Invalid
from core.node.containers import spec
from core.node.containers.client import SNAPSHOTTER, Containerd, missing
from core.node.containers.layout import Image, chain
from core.rpc.pb.containerd import containers_pb2, runc_pb2, snapshots_pb2, task_pb2, tasks_pb2

ENDS: Final = 30.0  # seconds a killed process may take to be gone
RUNTIME: Final = "io.containerd.runc.v2"


@dataclass(frozen=True, slots=True)
class Output:
    """Named pipes for what the process writes, and reads; empty means nowhere. Both may be the same one. With a
    `terminal` there is no stderr."""

    stdout: str = ""
    stderr: str = ""
    stdin: str = ""
    terminal: bool = False


NOWHERE: Final = Output()


@dataclass(frozen=True, slots=True)
class Container:
    """One container by id in the client's namespace."""

    containerd: Containerd
    id: str
    shim_cgroup: str = ""

    async def create(self, image: Image, document: bytes, labels: dict[str, str] | None = None) -> None:
        """Make the record and a writable snapshot on the image. Raises RpcError ALREADY_EXISTS."""
        top = chain(image.config.rootfs.diff_ids)
        async with self.containerd.leased() as leased:
            prepare = snapshots_pb2.PrepareSnapshotRequest(
                snapshotter=SNAPSHOTTER, key=self.id, parent=top[-1] if top else ""
            )
            await leased.call("snapshots", "Prepare", prepare, snapshots_pb2.PrepareSnapshotResponse)
            record = containers_pb2.Container(
                id=self.id,
                labels=labels or {},
                image=image.name,
                runtime=containers_pb2.Container.Runtime(name=RUNTIME, options=self._options()),
                spec=AnyMessage(type_url=spec.TYPE_URL, value=document),
                snapshotter=SNAPSHOTTER,
                snapshot_key=self.id,
            )
            request = containers_pb2.CreateContainerRequest(container=record)
            await leased.call("containers", "Create", request, containers_pb2.CreateContainerResponse)

    async def prepare(self, output: Output = NOWHERE) -> int:
        """Make the task: namespaces are there, nothing runs yet; its pid, for networks to be attached."""
        mounts = snapshots_pb2.MountsRequest(snapshotter=SNAPSHOTTER, key=self.id)
        found = await self.containerd.call("snapshots", "Mounts", mounts, snapshots_pb2.MountsResponse)
        request = tasks_pb2.CreateTaskRequest(
            container_id=self.id,
            rootfs=found.mounts,
            stdin=output.stdin,
            stdout=output.stdout,
            stderr=output.stderr,
            terminal=output.terminal,
        )
        request.options.CopyFrom(self._options())
        return (await self.containerd.call("tasks", "Create", request, tasks_pb2.CreateTaskResponse)).pid

    async def start(self, exec_id: str = "") -> int:
        """Let it run; its pid."""
        request = tasks_pb2.StartRequest(container_id=self.id, exec_id=exec_id)
        return (await self.containerd.call("tasks", "Start", request, tasks_pb2.StartResponse)).pid

    async def execute(self, exec_id: str, process: dict[str, Any], output: Output = NOWHERE) -> int:
        """Start a second process in it; its pid."""
        request = tasks_pb2.ExecProcessRequest(
            container_id=self.id, exec_id=exec_id, stdout=output.stdout, stderr=output.stderr
        )
        request.spec.type_url, request.spec.value = spec.PROCESS_URL, msgspec.json.encode(process)
        await self.containerd.call("tasks", "Exec", request, Empty)
        return await self.start(exec_id)

    async def wait(self, exec_id: str = "") -> int:
        """The exit status, whenever it comes; 128 and the signal's number for one that was killed."""
        request = tasks_pb2.WaitRequest(container_id=self.id, exec_id=exec_id)
        return (await self.containerd.call("tasks", "Wait", request, tasks_pb2.WaitResponse, None)).exit_status

    async def kill(self, signal: int, exec_id: str = "", *, everything: bool = False) -> None:
        """Signal the process, or all there are; nothing happens if it is gone."""
        request = tasks_pb2.KillRequest(container_id=self.id, exec_id=exec_id, signal=signal, all=everything)
        await missing(self.containerd.call("tasks", "Kill", request, Empty))

    async def resize(self, width: int, height: int) -> None:
        """Tell its terminal how large it is, in characters."""
        request = tasks_pb2.ResizePtyRequest(container_id=self.id, width=width, height=height)
        await self.containerd.call("tasks", "ResizePty", request, Empty)

    async def close_input(self) -> None:
        """Nothing more comes on its standard input; nothing happens if the process is gone."""
        request = tasks_pb2.CloseIORequest(container_id=self.id, stdin=True)
        await missing(self.containerd.call("tasks", "CloseIO", request, Empty))

    async def delete(self) -> None:
        """Delete an ended task, once all that it wrote has been passed on."""
        request = tasks_pb2.DeleteTaskRequest(container_id=self.id)
        await missing(self.containerd.call("tasks", "Delete", request, tasks_pb2.DeleteResponse))

    async def status(self) -> tasks_pb2.GetResponse | None:
        """The task, if there is one."""
        request = tasks_pb2.GetRequest(container_id=self.id)
        return await missing(self.containerd.call("tasks", "Get", request, tasks_pb2.GetResponse))

    async def end(self) -> None:
        """Kill what runs of it, then remove it. Raises TimeoutError if that does not end."""
        found = await self.status()
        if found is not None and found.process.status != task_pb2.Status.STOPPED:
            await self.kill(signal.SIGKILL, everything=True)
            async with asyncio.timeout(ENDS):
                await self.wait()
        await self.remove()

    async def remove(self) -> None:
        """Delete an ended task, or none, with record and snapshot. RpcError, and nothing done, while it runs."""
        await self.delete()
        record = containers_pb2.DeleteContainerRequest(id=self.id)
        await missing(self.containerd.call("containers", "Delete", record, Empty))
        snapshot = snapshots_pb2.RemoveSnapshotRequest(snapshotter=SNAPSHOTTER, key=self.id)
        await missing(self.containerd.call("snapshots", "Remove", snapshot, Empty))

    def _options(self) -> AnyMessage:
        packed = AnyMessage(type_url="containerd.runc.v1.Options")
        packed.value = runc_pb2.Options(shim_cgroup=self.shim_cgroup).SerializeToString()
        return packed


def namespace(pid: int, kind: str) -> Path:
    """The file that stands for a process's namespace; it is gone with its last process."""
    if pid <= 0:
        raise Invalid(f"{pid} is not a process")
    return Path(f"/proc/{pid}/ns/{kind}")
