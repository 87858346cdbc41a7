"""Who comes into a cluster and who goes, by its record alone."""

import pytest
from msgspec.structs import replace

from core.base.errors import Invalid
from core.provision import scaling
from core.provision.model import Cluster, ClusterSpec, Node

PLANES = tuple(Node(f"c-controlplane-{n}", f"10.5.0.{n + 1}") for n in (1, 2, 3))
WORKERS = (Node("c-worker-1", "10.5.0.5", worker=True),)
CLUSTER = Cluster(
    ClusterSpec("c", "container", "/image", control_planes=3, workers=1),
    "",
    "10.5.0.0/24",
    "10.5.0.1",
    "bridge",
    (*PLANES, *WORKERS),
)


def test_new_ones_have_the_next_number_and_a_free_address() -> None:
    made = scaling.grown(CLUSTER, 4, 2)
    assert [(node.name, node.address) for node in made.nodes if node not in CLUSTER.nodes] == [
        ("c-controlplane-4", "10.5.0.6"),
        ("c-worker-2", "10.5.0.7"),
    ]
    assert [node.worker for node in made.nodes] == [False] * 4 + [True] * 2
    assert (made.spec.control_planes, made.spec.workers) == (4, 2)


def test_what_is_enough_stays_as_it_is() -> None:
    assert scaling.grown(CLUSTER, 1, 0) == CLUSTER


def test_an_address_that_was_given_back_is_given_again() -> None:
    less = replace(CLUSTER, nodes=(PLANES[0], PLANES[2], *WORKERS))
    (new,) = set(scaling.grown(less, 3, 1).nodes) - set(less.nodes)
    assert (new.name, new.address) == ("c-controlplane-4", "10.5.0.3")


def test_the_newest_go_first_and_the_first_control_plane_never() -> None:
    names = [node.name for node in scaling.leaving(CLUSTER, 0, 0)]
    assert names == ["c-controlplane-3", "c-controlplane-2", "c-worker-1"]
    assert scaling.leaving(CLUSTER, 3, 1) == []


def test_virtual_machines_are_refused() -> None:
    with pytest.raises(Invalid, match="no network in common"):
        scaling.grown(replace(CLUSTER, spec=ClusterSpec("c", "qemu", "/image")), 2, 0)
