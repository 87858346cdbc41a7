"""etcd as a service: a container of the published image, started when this node is to run it. Until then the service
prepares: it answers the other control planes in etcd's stead, looks for a cluster to join, and hears of a bootstrap."""

import os
import resource
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from core.cluster.etcd import flags
from core.cluster.etcd.join import Way, enter
from core.cluster.etcd.waiting import serving
from core.node.containers.spec import Choices, Mount
from core.node.etcd.place import SPEC, Place
from core.node.etcd.tool import PROGRAMS, USER, Tool
from core.node.resources.block import MountStatus
from core.node.resources.etcd import EtcdSpec, PKIStatus
from core.node.resources.network import NetworkStatus
from core.node.resources.time import TimeStatus
from core.node.services.service import Condition, Health, Plan, Service

ID: Final = "etcd"
FILES: Final = 10240
NEWEST: Final = (3, 6)  # the last whose flags differ from those of the one before
HOSTS: Final = "/etc/hosts"


def service(place: Place, tool: Tool) -> Service:
    """For the table; `tool` runs programs of its image. Boots do not wait for it, as it may wait for somebody to
    bootstrap the cluster."""

    async def plan() -> Plan:
        _give(place.data)
        await place.gap.work()
        way = await _way(place, tool)
        _give(place.data)
        return Plan(place.spec.image, choices(place.spec, way, place.data))

    async def check() -> None:
        await place.own.serves()

    return Service(
        ID,
        plan=plan,
        after=("containerd", "cri"),
        conditions=(
            Condition(MountStatus.at("STATE"), "/system/state"),
            Condition(MountStatus.at("EPHEMERAL"), "/var"),
            Condition(TimeStatus.at("node"), "time sync", lambda spec: spec.synced or spec.sync_disabled),
            Condition(NetworkStatus.at("status"), "network", _network),
            Condition(SPEC, "etcd spec"),
            Condition(PKIStatus.at("etcd"), "etcd PKI", lambda spec: spec.ready),
        ),
        health=Health(check, delay=5.0, period=20.0, timeout=15.0),
        uid=USER,
        gid=USER,
        cgroup="podruntime/etcd",
        oom_score=-998,
        limits=((resource.RLIMIT_NOFILE, FILES, FILES),),
        awaited=False,
        for_leaders=True,
    )


def choices(spec: EtcdSpec, way: Way, data: Path) -> Choices:
    """The container: nothing of the node but its data, its keys and the network."""
    launch = flags.Launch(
        spec.name,
        spec.advertised_addresses,
        way.members,
        way.new,
        way.token,
        spec.listen_peer_addresses,
        spec.listen_client_addresses,
        spec.extra_args,
    )
    return Choices(
        [f"{PROGRAMS}/etcd", *flags.arguments(launch, version(spec.image))],
        host_network=True,
        readonly=True,
        capabilities=(),
        mounts=[
            Mount(str(data), flags.DATA, ("rbind", "rw", "nosuid", "nodev", "noexec")),
            Mount(flags.PKI, flags.PKI),
            Mount(HOSTS, HOSTS),
        ],
    )


def version(image: str) -> flags.Version:
    """Of which etcd an image's tag speaks; one that speaks of none is taken for a new one."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    numbers = tag.removeprefix("v").split(".")
    try:
        return int(numbers[0]), int(numbers[1])
    except (ValueError, IndexError):
        return NEWEST


async def _way(place: Place, tool: Tool) -> Way:
    """Wait until there is one. The client port is etcd's own as soon as there are data: one that nobody recorded the
    start of may still have it."""
    local = place.local
    async with AsyncExitStack() as stack:
        if not local.has_data:
            addresses = place.spec.listen_client_addresses
            await stack.enter_async_context(serving(local, place.server_tls(), addresses))
        reach = await stack.enter_async_context(place.reach())
        return await enter(local, reach, tool, place.clock, tool.image)


def _give(folder: Path) -> None:
    """Let the data, restored ones too, be etcd's, and nobody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in _all(folder):
        if os.lstat(path).st_uid != USER:
            os.chown(path, USER, USER, follow_symlinks=False)


def _all(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.rglob("*")


def _network(spec: NetworkStatus) -> bool:
    return spec.address_ready and spec.hostname_ready and spec.etc_files_ready
