"""The kubelet as a service of the node: a container that sees the node's processes, devices and networks and passes the
mounts that it makes on to it. Owns what it is given of the node, and what tells whether it runs as it should."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from core.base.clock import Clock
from core.base.errors import NotReady
from core.base.files import write_atomic
from core.cluster.kubernetes import kubelet
from core.linux.process import PATH
from core.node.containers.spec import Choices, Mount
from core.node.resources.block import MountStatus
from core.node.resources.k8s import KubeletSpec
from core.node.resources.network import NetworkStatus
from core.node.resources.secrets import Kubelet as Secrets
from core.node.resources.secrets import KubernetesRoot
from core.node.resources.time import TimeStatus
from core.node.services import kubeletfiles, kubeletkey, kubeletnext
from core.node.services.kubeletfiles import NODE, Places
from core.node.services.service import Condition, Health, Operation, Plan, Service
from core.node.work import Work
from core.pki.types import KUBERNETES_LIFETIME
from core.state import Store

ID: Final = "kubelet"
GROUP: Final = "podruntime/kubelet"
PROGRAM: Final = "/usr/local/bin/kubelet"
STARTED: Final = "/run/ichor/kubelet"  # what the one that runs was started with
SPEC: Final = KubeletSpec.at(ID)
SECRETS: Final = Secrets.at(ID)
ROOT: Final = KubernetesRoot.at("k8s")
HEALTH: Final = ("127.0.0.1", 10248)
NOFILE: Final = 1 << 20
_ANSWER: Final = 1 << 12  # bytes
_SHARED: Final = ("rbind", "rshared", "rw")
_FILE: Final = ("bind", "ro")
# what is bound as a file, so that the container keeps the one that was there when it started
_BOUND: Final = ("/etc/hosts", "/etc/resolv.conf", "/etc/machine-id", "/etc/os-release")
# folder of the node, how a container sees it, and the mode it is made with if it is not there
_FOLDERS: Final = (
    ("/proc", ("rbind", "rslave", "rw"), 0o555),
    ("/sys", _SHARED, 0o555),
    ("/dev", _SHARED, 0o755),
    ("/run", _SHARED, 0o755),
    ("/etc/cni", _SHARED, 0o755),
    ("/etc/kubernetes", _SHARED, 0o755),
    ("/opt/cni", ("rbind", "rslave", "ro"), 0o755),
    ("/var/lib/cni", _SHARED, 0o700),
    ("/var/lib/containerd", _SHARED, 0o700),
    ("/var/lib/kubelet", _SHARED, 0o700),
    ("/var/log/containers", _SHARED, 0o755),
    ("/var/log/pods", _SHARED, 0o755),
)


class Started(msgspec.Struct, frozen=True):
    """What a kubelet was started with: its image, and all else as a digest."""

    image: str
    digest: str


@dataclass(frozen=True, slots=True)
class Kubelet:
    """Plans each start of it by what the store says at that time. A control plane's gets its first certificate by
    `work`, good for `lifetime` seconds; a worker's waits with its first start until it can have one."""

    store: Store
    work: Work
    clock: Clock
    places: Places = NODE
    on_aws: bool = False
    lifetime: int = KUBERNETES_LIFETIME

    def service(self) -> Service:
        """Operators may start and restart it. No boot waits for it: it is started when there is a cluster to be in. Its
        pods outlive it."""
        return Service(
            ID,
            image=lambda: self.store.get(SPEC).spec.image,  # while it waits to be let in
            plan=self.plan,
            after=("containerd", "cri"),
            conditions=(
                Condition(MountStatus.at("EPHEMERAL"), "/var"),
                Condition(TimeStatus.at("node"), "time", lambda time: time.synced or time.sync_disabled),
                Condition(NetworkStatus.at("status"), "network", lambda net: net.address_ready and net.hostname_ready),
                Condition(SECRETS, "the cluster's endpoint"),
                Condition(SPEC, "its configuration"),
            ),
            health=Health(_healthy, delay=2.0),
            cgroup=GROUP,
            oom_score=kubelet.OOM_SCORE,
            operations=frozenset({Operation.START, Operation.RESTART}),
            on_demand=True,
        )

    async def plan(self) -> Plan:
        """Its files written, its container described."""
        root = self.store.find(ROOT)
        kubeletfiles.keep(self.places)
        if root is None and self._is_new():
            await kubeletkey.admitted(lambda: kubeletfiles.bootstrap(self.store.get(SECRETS).spec), self.clock)
        spec, secrets = self.store.get(SPEC).spec, self.store.get(SECRETS).spec
        for path, _, mode in _FOLDERS:
            self.places.at(path).mkdir(mode=mode, parents=True, exist_ok=True)
        kubeletfiles.write(self.places, spec, secrets)
        if root is not None and self._is_new():
            now = self.clock.now()
            ca, name = root.spec.issuing_ca, spec.expected_nodename
            made = await kubeletkey.make(self.work, ca, name, now, self.lifetime)
            kubeletkey.put(self.places, made, secrets, now)
        write_atomic(self.places.at(STARTED), msgspec.json.encode(self.wanted()))
        return Plan(spec.image, choices(spec, self._bound(), on_aws=self.on_aws))

    def _is_new(self) -> bool:
        return kubelet.registers(self.store.get(SPEC).spec.args) and kubeletkey.missing(self.places)

    def wanted(self) -> Started:
        """What it should run with. Raises NotFound while that is not known."""
        spec, secrets = self.store.get(SPEC).spec, self.store.get(SECRETS).spec
        believed = sorted(secrets.accepted_cas, key=lambda ca: ca.crt)  # who of them issues is nothing to it
        secrets = msgspec.structs.replace(secrets, accepted_cas=tuple(believed))
        parts = [msgspec.json.encode(part, order="deterministic") for part in (spec, secrets)]
        if kubeletnext.staged(self.keys):
            parts.append(b"with another certificate")
        parts += [self.places.at(path).read_bytes() for path in self._bound()]
        return Started(spec.image, hashlib.sha256(msgspec.json.encode(parts)).hexdigest())

    @property
    def keys(self) -> Path:
        """The folder of its own keys and certificates."""
        return self.places.at(kubelet.PKI)

    def started(self) -> Started | None:
        """What the last one was started with; None when there was none since the node booted."""
        try:
            return msgspec.json.decode(self.places.at(STARTED).read_bytes(), type=Started)
        except FileNotFoundError:
            return None

    def _bound(self) -> list[str]:
        return [path for path in _BOUND if self.places.at(path).exists()]


def choices(spec: KubeletSpec, files: Sequence[str], *, on_aws: bool = False) -> Choices:
    """The container: it is in no namespaces but those of mounts, IPC and its own name. Where nobody answers it, to look
    for Amazon's registry takes releases before 1.27 seconds."""
    folders = [Mount(path, path, options) for path, options, _ in _FOLDERS]
    bound = [Mount(path, path, _FILE) for path in files]
    more = [Mount(mount.source, mount.destination, mount.options) for mount in spec.extra_mounts]
    return Choices(
        (PROGRAM, *spec.args),
        (f"PATH=/usr/local/sbin:/usr/local/bin:{PATH}", f"AWS_EC2_METADATA_DISABLED={str(not on_aws).lower()}"),
        host_network=True,
        host_pid=True,
        privileged=True,
        propagation="shared",
        mounts=(*folders, *bound, *more),
    )


async def _healthy() -> None:
    """GET /healthz on loopback. Raises NotReady, OSError."""
    reader, writer = await asyncio.open_connection(*HEALTH)
    try:
        writer.write(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = await reader.read(_ANSWER)
    finally:
        writer.close()
    status = answer.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise NotReady(f"/healthz answers {b''.join(status).decode(errors='replace') or 'nothing'}")
