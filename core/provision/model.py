"""What is asked for (ClusterSpec) and what was made of it (Cluster, Node), as values that survive in cluster.json."""

import re
import shutil
from typing import Final, Literal

import msgspec

from core.base.errors import Invalid, NotFound
from core.base.files import write_atomic
from core.provision.places import Places

Kind = Literal["container", "qemu"]
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?")  # the beginning of its nodes' host names


class Node(msgspec.Struct, frozen=True):
    """One machine: its name, where its API answers and, for qemu, the loopback port that leads there. `kubernetes` is
    where that of Kubernetes answers, in the machine and here; 0: at its usual port, of the machine's own address."""

    name: str
    address: str
    port: int = 50000
    worker: bool = False
    kubernetes: int = 0


class ClusterSpec(msgspec.Struct, frozen=True):
    """A cluster to make. `image` is the folder with ichor.img and, for qemu, kernel and initramfs; sizes in bytes;
    `mirrors` are registries (* for all others) and where they are asked instead. `standalone`: the nodes are in no
    Kubernetes, and need no image of it."""

    name: str
    kind: Kind
    image: str
    control_planes: int = 1
    workers: int = 0
    memory: int = 2 << 30
    disk: int = 6 << 30
    cpus: int = 1
    cmdline: str = ""  # more words for the kernel's command line
    kubernetes: str = ""  # its version, without a v; empty for the one of `gen config`
    mirrors: tuple[tuple[str, str], ...] = ()
    standalone: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise Invalid(f"{self.name!r} is no cluster name", remedy="use up to 32 letters, digits and inner dashes")
        if self.control_planes < 1:
            raise Invalid("a cluster has at least one control plane")
        alone = self.kind == "qemu" and not self.standalone
        if self.workers < 0 or (self.workers and self.kind == "qemu") or (alone and self.control_planes > 1):
            raise Invalid(
                "virtual machines have no network in common: a second node could not join", remedy="use containers"
            )


class Cluster(msgspec.Struct, frozen=True):
    """A cluster as recorded; `subnet` and `bridge` are empty for qemu, whose nodes are reached through loopback."""

    spec: ClusterSpec
    image_sha256: str
    subnet: str
    gateway: str
    bridge: str
    nodes: tuple[Node, ...]


def save(places: Places, cluster: Cluster) -> None:
    """Record the cluster durably."""
    path = places.record(cluster.spec.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, msgspec.json.format(msgspec.json.encode(cluster)), mode=0o644)


def load(places: Places, name: str) -> Cluster:
    """The recorded cluster. Raises NotFound with the names there are."""
    try:
        data = places.record(name).read_bytes()
    except FileNotFoundError:
        known = ", ".join(names(places)) or "none"
        raise NotFound(f"there is no cluster {name!r}", remedy=f"known: {known}") from None
    return msgspec.json.decode(data, type=Cluster)


def forget(places: Places, cluster: Cluster) -> None:
    """Remove the cluster's folder. The record goes last: what a crash leaves is destroyed by destroying again, and no
    later cluster of that name finds old secrets or a used disk."""
    record = places.record(cluster.spec.name)
    for path in record.parent.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != record:
            path.unlink()
    record.unlink()
    record.parent.rmdir()


def names(places: Places) -> list[str]:
    """All recorded clusters, sorted."""
    return sorted(path.parent.name for path in places.clusters.glob("*/cluster.json"))
