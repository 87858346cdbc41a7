"""The node's part of test_service, run as PID 1 of namespaces of its own: a container as a service of the
node, through ends of its own, of containerd and of machined. Says `ok` when all of it held."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from core.node.containers import spec
from core.node.containers.client import Containerd
from core.node.services.containerd import Settings
from core.node.services.logs import Logs
from core.node.services.service import Health, Plan, Service
from core.node.services.states import State
from core.node.services.supervisor import Supervisor
from core.node.services.unit import Unit
from core.rpc.pb.containerd import containers_pb2, images_pb2
from tests.node.containers import oci
from tests.node.containers.house import REGISTRIES, Table, furnish, machined, root
from tests.support.registry import registry

IMAGE = "example.test/lib/hello:1"
HOSTS = """server = "https://example.test"
capabilities = ["push"]
[host."http://127.0.0.1:5000"]
"""
Machined = tuple[Supervisor, Containerd, Settings, Logs]


async def plan() -> Plan:
    mounts = [spec.Mount("/var/lib/kept", "/kept")]
    return Plan(IMAGE, spec.Choices(["/hello", "serve"], ["GREETING=plan"], host_network=True, mounts=mounts))


async def answers() -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", 8080)
    try:
        assert (await reader.readline()).startswith(b"hello")
    finally:
        writer.close()


SERVICE = Service(
    "hello",
    plan=plan,
    after=("containerd", "cri"),
    health=Health(answers),
    delay=0.2,
    grace=2.0,  # as the first of its pid namespace it hears no SIGTERM
    cgroup="podruntime/etcd",
    limits=((resource.RLIMIT_NOFILE, 100, 200),),
)


class House:
    """Machineds one after the other over what outlives them."""

    def __init__(self, programs: Path, work: Path, group: str) -> None:
        self._programs, self._work, self.group = programs, work, group
        self.table = Table()

    def machined(self) -> AbstractAsyncContextManager[Machined]:
        return machined(self._programs, self._work, self.group, self.table, dict, SERVICE)


async def up(unit: Unit, restarts: int = 0) -> int:
    """Wait until it is, after so many restarts or more, for a start that fails is tried again; its pid."""
    async with asyncio.timeout(60):
        await unit.until(lambda unit: unit.up and unit.record.restarts >= restarts)
    return unit.record.pid


def texts(unit: Unit) -> str:
    return "\n".join(happening.message for happening in unit.record.happenings)


async def written(logs: Logs, text: bytes) -> None:
    """Wait until the service's log has it."""
    async with asyncio.timeout(30):
        seen = b""
        async for piece in logs.log("hello").read(follow=True):
            seen += piece
            if text in seen:
                return


async def there(containerd: Containerd) -> tuple[list[str], list[str]]:
    """Containers and images of the namespace."""
    containers = await containerd.call(
        "containers", "List", containers_pb2.ListContainersRequest(), containers_pb2.ListContainersResponse
    )
    images = await containerd.call("images", "List", images_pb2.ListImagesRequest(), images_pb2.ListImagesResponse)
    return [c.id for c in containers.containers], [i.name for i in images.images]


async def begins(house: House, push: Callable[[], object]) -> int:
    """It waits for its image, and comes up when that can be had."""
    async with house.machined() as (supervisor, containerd, _, logs):
        await containerd.make_namespaces()
        unit = supervisor.unit("hello")
        supervisor.start("hello")
        async with asyncio.timeout(60):
            await unit.until(lambda unit: unit.record.restarts > 0)
        assert "example.test/lib/hello:1: not found" in texts(unit), texts(unit)
        push()
        async with asyncio.timeout(60):
            await unit.until(lambda unit: unit.up)
        pid = unit.record.pid
        await written(logs, b"listening, GREETING=plan")
        assert Path(f"/proc/{pid}/root/kept").is_dir()
        assert f"{house.group}/podruntime/etcd/hello" in Path(f"/proc/{pid}/cgroup").read_text()
        assert ["100", "200"] in [line.split()[3:5] for line in Path(f"/proc/{pid}/limits").read_text().splitlines()]
        assert await there(containerd) == (["hello"], [IMAGE])
        unit.record.restarts = 0
        unit.note()
        return pid


async def stays(house: House, pid: int) -> None:
    """The next machined finds it as it was; containerd's end is nothing to it."""
    async with house.machined() as (supervisor, _, _, logs):
        unit, runtime = supervisor.unit("hello"), supervisor.unit("containerd")
        async with asyncio.timeout(30):
            await unit.until(lambda unit: f"Process still running, PID {pid}" in texts(unit))
        before = b"".join([piece async for piece in logs.log("hello").read()]).count(b"served")
        await answers()
        await written(logs, b"served 127.0.0.1\n" * (before + 1))
        os.kill(runtime.record.pid, signal.SIGKILL)
        await up(runtime, 1)
        assert await up(unit) == pid
        await answers()


async def comes_back(house: House, pid: int) -> int:
    """Killed; and once more while there is no machined."""
    async with house.machined() as (supervisor, _, _, _):
        unit = supervisor.unit("hello")
        await up(unit)
        os.kill(pid, signal.SIGKILL)
        second = await up(unit, 1)
        assert second != pid
        assert "Process killed by SIGKILL; trying again" in texts(unit)
    os.kill(second, signal.SIGKILL)
    async with house.machined() as (supervisor, _, _, _):
        unit = supervisor.unit("hello")
        third = await up(unit, 2)
        assert third not in (pid, second)
        return third


async def ends(house: House, pid: int) -> None:
    """Before containerd does, and nothing of it is left but its image."""
    async with house.machined() as (supervisor, containerd, _, _):
        assert await up(supervisor.unit("hello"), 2) == pid
        await supervisor.stop("hello")
        assert supervisor.unit("hello").state is State.FINISHED
        assert not Path(f"/proc/{pid}").exists()
        assert await there(containerd) == ([], [IMAGE])
        supervisor.start("hello")
        await up(supervisor.unit("hello"), 2)
        await supervisor.stop_all()
        states = {id_: unit.state for id_, unit in supervisor.units.items()}
        assert states == dict.fromkeys(states, State.FINISHED), states
        assert "pidfd:hello" not in house.table.names()


async def main() -> None:
    programs, work, group = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    furnish(work)
    root(programs, work)
    Path("/var/lib/kept").mkdir(exist_ok=True)
    folder = REGISTRIES / "example.test"
    folder.mkdir(parents=True)
    (folder / "hosts.toml").write_text(HOSTS)
    house = House(programs, work, group)
    image = oci.layout([oci.layer({"hello": oci.compiled(work), "kept/.keep": b""})], IMAGE)
    with registry(Path("/run/registry"), "127.0.0.1:5000") as served:
        pid = await begins(house, lambda: served.push(image, "lib/hello", "1"))
    await stays(house, pid)  # without a registry from here on: the image is on the node
    await ends(house, await comes_back(house, pid))
    house.table.close()
    print("ok")


asyncio.run(main())
