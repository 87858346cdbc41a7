"""containerd as a service of the node: one process that answers for both service ids, `containerd` and `cri`. Owns its
configuration, written anew at each start, and how it is asked for its health."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.base.clock import Clock
from core.base.files import write_atomic
from core.cluster.kubernetes import kubelet
from core.linux import mount, rights
from core.linux.process import ALL_CAPABILITIES
from core.node.containers.client import SOCKET, Containerd
from core.node.containers.spec import NEVER
from core.node.services.service import Condition, Health, Service
from core.rpc.client import Channel
from ext import sys as kernel

Auths = Mapping[str, Mapping[str, str]]
PROGRAM: Final = "/usr/bin/containerd"
CONFIG: Final = Path("/run/containerd/config.toml")
SHIMS: Final = "/podruntime/shim"
_NEVER: Final = sum(1 << rights.NAMES.index(name) for name in NEVER)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are. `adjusts_oom`: the node may lower OOM scores (CAP_SYS_RESOURCE); `shims`: an existing group."""

    root: Path = Path("/var/lib/containerd")
    state: Path = Path("/run/containerd")
    socket: str = SOCKET
    plugins: Path = Path("/opt/cni/bin")
    networks: Path = Path("/etc/cni/net.d")
    networks_kept: Path | None = Path("/var/system/cni")  # what is mounted over its parent, which is the image's
    registries: Path = Path("/etc/cri/conf.d/hosts")
    sandbox: str = kubelet.SANDBOX
    adjusts_oom: bool = True
    shims: str = SHIMS


def detect() -> Settings:
    """The usual places, and what this node may do."""
    return Settings(adjusts_oom=bool(kernel.capget()[0] >> kernel.CAP_SYS_RESOURCE & 1))


def config(settings: Settings, auths: Auths | None = None) -> str:
    """containerd's configuration, format 2. `auths` are by host, each with the keys that containerd has for it."""
    cri = '"io.containerd.grpc.v1.cri"'
    tables: dict[str, Mapping[str, object]] = {
        "": {
            "version": 2,
            "root": str(settings.root),
            "state": str(settings.state),
            "disabled_plugins": [f"io.containerd.snapshotter.v1.{name}" for name in _UNUSED],
        },
        "grpc": {"address": settings.socket},
        f"plugins.{cri}": {"restrict_oom_score_adj": not settings.adjusts_oom, "sandbox_image": settings.sandbox},
        f"plugins.{cri}.containerd": {"snapshotter": "overlayfs", "default_runtime_name": "runc"},
        f"plugins.{cri}.containerd.runtimes.runc": {"runtime_type": "io.containerd.runc.v2"},
        f"plugins.{cri}.containerd.runtimes.runc.options": {"SystemdCgroup": False, "ShimCgroup": settings.shims},
        f"plugins.{cri}.cni": {"bin_dir": str(settings.plugins), "conf_dir": str(settings.networks)},
        f"plugins.{cri}.registry": {"config_path": str(settings.registries)},
    }
    logins = {f"plugins.{cri}.registry.configs.{_value(host)}.auth": auth for host, auth in (auths or {}).items()}
    return "\n".join(
        f"{f'[{name}]' if name else ''}\n{_entries(table)}" for name, table in (tables | logins).items()
    ).lstrip()


def keep_networks(settings: Settings) -> None:
    """Make the folder of network configurations writable: pods of network providers put theirs there."""
    target, kept = settings.networks.parent, settings.networks_kept
    if kept is not None and not any(mounted.target == str(target) for mounted in mount.mounts()):
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        mount.bind(kept, target, mount.MS.NOSUID | mount.MS.NODEV | mount.MS.NOEXEC)
    settings.networks.mkdir(mode=0o700, exist_ok=True)


def stale(settings: Settings, auths: Auths, path: Path = CONFIG) -> bool:
    """Whether containerd was started with another configuration than it would be now."""
    return path.exists() and path.read_text() != config(settings, auths)


def service(
    clock: Clock,
    settings: Settings,
    *conditions: Condition,
    auths: Callable[[], Auths] = dict,
    path: Path = CONFIG,
    program: str = PROGRAM,
) -> Service:
    """The process. Its shims and their containers outlive it, so an end of it ends nothing else. `auths` is asked at
    each start."""
    channel = Channel(settings.socket)
    client, furnished = Containerd(channel, clock), False

    async def prepare() -> None:
        keep_networks(settings)
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        write_atomic(path, config(settings, auths()).encode(), mode=0o600)

    async def check() -> None:
        nonlocal furnished
        await client.ready()
        if not furnished:
            await client.make_namespaces()
            furnished = True

    return Service(
        "containerd",
        (program, "--config", str(path)),
        conditions=conditions,
        prepare=prepare,
        health=Health(check, delay=10.0),
        cgroup="system/runtime",
        oom_score=-999,
        capabilities=ALL_CAPABILITIES & ~_NEVER,
        leaves_children=True,
    )


_UNUSED: Final = ("aufs", "blockfile", "btrfs", "devmapper", "zfs")


def _entries(table: Mapping[str, object]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items())


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return str(value) if isinstance(value, int) else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
