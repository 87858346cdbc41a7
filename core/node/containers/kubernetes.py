"""Pods' containers by the names that people know: what containerd's records of them say in their labels."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from core.base.errors import NotFound
from core.rpc.pb.containerd import containers_pb2

_SANDBOX: Final = "sandbox"
_SHORT: Final = 12  # of containerd's 64 digits


class Instance(NamedTuple):
    """A container or, where `name` is empty, the sandbox of a pod; `uid` is the pod's."""

    record: containers_pb2.Container
    namespace: str
    pod: str
    uid: str
    name: str

    @property
    def pod_id(self) -> str:
        """The pod, such as kube-system/kube-proxy-x."""
        return f"{self.namespace}/{self.pod}"

    @property
    def id(self) -> str:
        """The pod's for a sandbox; a container's name stands behind it, with which of those by that name it is."""
        return f"{self.pod_id}:{self.name}:{self.record.id[:_SHORT]}" if self.name else self.pod_id


def instances(records: Iterable[containers_pb2.Container]) -> list[Instance]:
    """Those that belong to pods, by pod, its sandbox first."""
    return sorted(_instances(records), key=lambda each: (each.pod_id, each.name, each.record.id))


def find(records: Iterable[containers_pb2.Container], wanted: str) -> Instance:
    """By its id, whole or without its last part (the newest then). Raises NotFound."""
    found = [each for each in instances(records) if wanted in (each.id, each.id.rpartition(":")[0], each.record.id)]
    if not found:
        raise NotFound(f'container "{wanted}" not found')
    return max(found, key=lambda each: each.record.created_at.ToNanoseconds())


def _instances(records: Iterable[containers_pb2.Container]) -> Iterator[Instance]:
    for record in records:
        kind, labels = record.labels.get("io.cri-containerd.kind", ""), record.labels
        if kind:
            name = "" if kind == _SANDBOX else labels.get("io.kubernetes.container.name", "")
            namespace, pod, uid = (labels.get(f"io.kubernetes.pod.{what}", "") for what in ("namespace", "name", "uid"))
            yield Instance(record, namespace, pod, uid, name)
