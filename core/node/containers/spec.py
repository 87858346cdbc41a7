"""OCI runtime specs (runtime-spec: config.md, config-linux.md), built from a few choices. A pure function; asks for no
capability that the node does not have itself, since the runtime would fail on it."""

import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from core.linux.process import Limit

CAPABILITIES: Final = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID"),
    *("CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL"),
    "CAP_AUDIT_WRITE",
)
NEVER: Final = frozenset({"CAP_SYS_BOOT", "CAP_SYS_MODULE"})  # containerd itself goes without, so nobody below has them
TYPE_URL: Final = "types.containerd.io/opencontainers/runtime-spec/1/Spec"
PROCESS_URL: Final = "types.containerd.io/opencontainers/runtime-spec/1/Process"
MASKED: Final = (
    *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"),
    *("/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"),
)
READONLY: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_LOCKED: Final = ["nosuid", "noexec", "nodev"]
_LIMITS: Final = {
    getattr(resource, name): name
    for name in dir(resource)
    if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"  # an old name of NOFILE, which the runtime does not know
}


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the node in the container."""

    source: str
    destination: str
    options: Sequence[str] = ("rbind", "ro")


@dataclass(frozen=True, slots=True)
class Choices:
    """What is particular to one container. `cgroup` is absolute; what it may use is bytes, thousandths of a core, a
    count, and `limits` of each process. A `privileged` one has every capability and device that the node has. A mount
    at or above one of the usual places (/proc, /dev, ...) stands in for it; `propagation` of the root is private unless
    it says otherwise (shared, slave, with an r for all below)."""

    args: Sequence[str]
    env: Sequence[str] = ()
    directory: str = "/"
    uid: int = 0
    gid: int = 0
    hostname: str = ""
    cgroup: str = ""
    host_network: bool = False
    host_pid: bool = False
    readonly: bool = False
    capabilities: Sequence[str] = CAPABILITIES
    mounts: Sequence[Mount] = ()
    memory: int | None = None
    millicores: int | None = None
    pids: int | None = None
    limits: Sequence[Limit] = ()
    propagation: str = ""
    oom_score: int | None = None
    terminal: bool = False
    privileged: bool = False
    annotations: Mapping[str, str] = field(default_factory=dict)


def build(choices: Choices, held: frozenset[str]) -> bytes:
    """The spec as JSON; `held` are the capabilities the node has to give (core.linux.rights)."""
    spec: dict[str, Any] = {
        "ociVersion": "1.0.2",
        "process": process(choices, held),
        "root": {"path": "rootfs", "readonly": choices.readonly},
        "mounts": [*_system_mounts(choices), *map(_mount, choices.mounts)],
        "linux": {
            "namespaces": [{"type": kind} for kind in _namespaces(choices)],
            "cgroupsPath": choices.cgroup,
            "maskedPaths": () if choices.privileged else MASKED,
            "readonlyPaths": () if choices.privileged else READONLY,
            "resources": _resources(choices),
        },
        "annotations": dict(choices.annotations),
    }
    if choices.propagation:
        spec["linux"]["rootfsPropagation"] = choices.propagation
    if choices.hostname:
        spec["hostname"] = choices.hostname
    return msgspec.json.encode(spec)


def process(choices: Choices, held: frozenset[str]) -> dict[str, Any]:
    """The process part, which a second process in a running container takes alone."""
    able = held - NEVER
    granted = [name for name in (sorted(held) if choices.privileged else choices.capabilities) if name in able]
    made: dict[str, Any] = {
        "terminal": choices.terminal,
        "user": {"uid": choices.uid, "gid": choices.gid},
        "args": list(choices.args),
        "env": list(choices.env),
        "cwd": choices.directory,
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), granted),
        "noNewPrivileges": not choices.privileged,
    }
    if choices.limits:
        made["rlimits"] = [{"type": _LIMITS[which], "soft": soft, "hard": hard} for which, soft, hard in choices.limits]
    if choices.oom_score is not None and (choices.oom_score >= 0 or "CAP_SYS_RESOURCE" in held):
        made["oomScoreAdj"] = choices.oom_score
    return made


def _namespaces(choices: Choices) -> list[str]:
    own = ["mount", "ipc", "uts"]
    return own + ["network"] * (not choices.host_network) + ["pid"] * (not choices.host_pid)


def _system_mounts(choices: Choices) -> list[dict[str, Any]]:
    pts = [*_LOCKED[:2], "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
    sys = {"type": "sysfs", "source": "sysfs", "options": [*_LOCKED, "ro"]}
    if choices.host_network:  # sysfs can be mounted only by the owner of the network namespace
        sys = {"type": "bind", "source": "/sys", "options": [*_LOCKED, "rbind", "ro"]}
    usual: list[dict[str, Any]] = [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": _LOCKED},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": pts},
        {
            "destination": "/dev/shm",
            "type": "tmpfs",
            "source": "shm",
            "options": [*_LOCKED, "mode=1777", "size=65536k"],
        },
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": _LOCKED},
        {"destination": "/sys", **sys},
    ]
    given = [mount.destination for mount in choices.mounts]
    return [mount for mount in usual if not any(_covers(place, mount["destination"]) for place in given)]


def _covers(place: str, other: str) -> bool:
    return other == place or other.startswith(f"{place.rstrip('/')}/")


def _mount(mount: Mount) -> dict[str, Any]:
    return {"destination": mount.destination, "type": "bind", "source": mount.source, "options": list(mount.options)}


def _resources(choices: Choices) -> dict[str, Any]:
    made: dict[str, Any] = {"devices": [{"allow": choices.privileged, "access": "rwm"}]}
    if choices.memory is not None:
        made["memory"] = {"limit": choices.memory}
    if choices.millicores is not None:
        made["cpu"] = {"shares": max(2, choices.millicores * 1024 // 1000)}
    if choices.pids is not None:
        made["pids"] = {"limit": choices.pids}
    return made
