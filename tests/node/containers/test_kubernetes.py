"""Pods' containers by name, from labels as containerd writes them."""

import pytest

from core.base.errors import NotFound
from core.node.containers import kubernetes
from core.rpc.pb.containerd import containers_pb2


def record(digit: str, kind: str, pod: str, name: str = "", created: int = 0) -> containers_pb2.Container:
    labels = {
        "io.cri-containerd.kind": kind,
        "io.kubernetes.pod.namespace": "kube-system",
        "io.kubernetes.pod.name": pod,
        "io.kubernetes.pod.uid": f"uid-{pod}",
    }
    labels |= {"io.kubernetes.container.name": name} if name else {}
    made = containers_pb2.Container(id=digit * 64, labels=labels)
    made.created_at.seconds = created
    return made


RECORDS = [
    record("b", "container", "web", "app", 1),
    record("c", "container", "web", "app", 2),
    record("a", "sandbox", "web"),
    record("d", "sandbox", "dns"),
    containers_pb2.Container(id="somebody"),
]


def test_a_pod_comes_before_what_is_in_it_and_others_are_left_out() -> None:
    assert [each.id for each in kubernetes.instances(RECORDS)] == [
        "kube-system/dns",
        "kube-system/web",
        f"kube-system/web:app:{'b' * 12}",
        f"kube-system/web:app:{'c' * 12}",
    ]


@pytest.mark.parametrize(
    ("wanted", "digit"),
    [("kube-system/web:app", "c"), (f"kube-system/web:app:{'b' * 12}", "b"), ("kube-system/dns", "d"), ("a" * 64, "a")],
)
def test_one_is_found_by_any_of_its_names_the_newest_if_there_are_several(wanted: str, digit: str) -> None:
    assert kubernetes.find(RECORDS, wanted).record.id == digit * 64


def test_what_is_not_there_is_said_so() -> None:
    with pytest.raises(NotFound, match="kube-system/nobody"):
        kubernetes.find(RECORDS, "kube-system/nobody")
