"""A node's containerd for tests that run as PID 1 of namespaces of their own: a root made of the image's programs, and
the supervisor that a machined has, with containerd as its service."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from google.protobuf.message import Message

from core.base.clock import SystemClock
from core.linux.cgroup import Tree
from core.linux.init import Exit, Init
from core.node.containers.client import Containerd
from core.node.resources import NAMESPACES, REGISTRY
from core.node.services.containerd import Auths, Settings, service
from core.node.services.logs import Logs
from core.node.services.service import Service
from core.node.services.supervisor import Supervisor
from core.rpc.client import Channel
from core.state import Store
from tests.support.fdtable import FdTable

ETC = Path("/run/etc")
REGISTRIES = ETC / "cri/conf.d/hosts"


class Table(FdTable):
    """init's part; as PID 1 we reap ourselves, so its journal stays empty."""

    def journal(self, since: int = 0) -> list[Exit]:
        return []


class Silence:
    """An event bus that nobody follows."""

    def publish(self, event: Message, actor_id: str = "") -> None: ...


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def furnish(work: Path) -> None:
    """Private mounts; a second network namespace as somebody outside, 192.0.2.2; the node is 192.0.2.1."""
    for folder in ("/run", "/var/lib", str(work)):
        run("mount", "-t", "tmpfs", "tmpfs", folder)
    Path("/run/cni-test").mkdir()
    run("ip", "link", "set", "lo", "up")
    run("ip", "netns", "add", "outside")
    run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", "outside")
    run("ip", "addr", "add", "192.0.2.1/24", "dev", "up0")
    run("ip", "link", "set", "up0", "up")
    run("ip", "-n", "outside", "addr", "add", "192.0.2.2/24", "dev", "eth0")
    run("ip", "-n", "outside", "link", "set", "eth0", "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def root(programs: Path, work: Path) -> None:
    """A root of the image's own libraries for containerd and runc, with everything else at its usual place."""
    top = work / "root"
    for folder in ("upper", "work", "root"):
        (work / folder).mkdir()
    layers = f"lowerdir={programs},upperdir={work}/upper,workdir={work}/work"
    run("mount", "-t", "overlay", "overlay", "-o", layers, str(top))
    for name in ("bin", "sbin", "lib", "lib64"):
        if not (top / name).exists():
            (top / name).symlink_to(f"usr/{name}")
    for folder in ("/proc", "/sys", "/dev", "/run", "/var/lib", "/tmp"):
        (top / folder[1:]).mkdir(parents=True, exist_ok=True)
        run("mount", "--rbind", folder, f"{top}{folder}")
    # by pivot_root: from a mere chroot runc could not enter again what it has made
    script = work / "containerd"
    script.write_text(
        f'#!/bin/sh\n[ "$PIVOTED" ] || PIVOTED=1 exec /usr/bin/unshare --mount --propagation private "$0" "$@"\n'
        f'cd {top} && mkdir -p old && pivot_root . old && exec /usr/bin/containerd "$@"\n'
    )
    script.chmod(0o755)


@asynccontextmanager
async def machined(
    programs: Path, work: Path, group: str, table: Table, auths: Callable[[], Auths] = dict, *others: Service
) -> AsyncIterator[tuple[Supervisor, Containerd, Settings, Logs]]:
    clock = SystemClock()
    tree = Tree.detect(base=group)
    settings = Settings(
        root=Path("/var/lib/containerd"),
        socket=str(work / "containerd.sock"),
        plugins=programs / "usr/lib/cni",
        networks=Path("/run/cni-test/net.d"),
        networks_kept=Path("/var/lib/kept"),
        registries=REGISTRIES,
        adjusts_oom=False,
        shims=f"/{group}/podruntime/shim",
    )
    program, file = work / "containerd", work / "config.toml"
    table_of_services = [
        replace(service(clock, settings, auths=auths, path=file, program=str(program)), delay=0.2, oom_score=500),
        Service("cri", same_process_as="containerd"),
        *others,
    ]
    logs, store = Logs(table), Store(REGISTRY, clock, NAMESPACES)
    init = cast(Init, table)
    try:
        async with Supervisor(
            table_of_services,
            init=init,
            tree=tree,
            logs=logs,
            store=store,
            events=Silence(),
            clock=clock,
            socket=settings.socket,
        ) as supervisor:
            supervisor.start("containerd")
            async with asyncio.timeout(30):
                await supervisor.unit("cri").until(lambda unit: unit.up or unit.record.restarts > 5)
            containerd = Containerd(Channel(settings.socket), clock)
            yield supervisor, containerd, settings, logs
            await containerd.channel.close()
    except BaseException:
        print(b"".join([piece async for piece in logs.find("containerd").read(tail=60)]).decode())
        raise
    finally:
        logs.close()
