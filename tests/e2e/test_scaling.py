"""More nodes for a cluster that stands, and fewer: pods, etcd and Kubernetes follow."""

import os

import pytest

from tests.support import planes
from tests.support.kubecluster import SECONDS, Kubernetes, app
from tests.support.pid1 import until
from tests.support.results import Record

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="nodes need root"),
]


def test_a_control_plane_and_a_worker_come_and_go(fleet: Kubernetes, record_result: Record) -> None:
    first, before = fleet.nodes[0], {node.name for node in fleet.nodes}
    name = first.cluster.spec.name
    leaders, plane = {node.name for node in fleet.nodes[:3]}, f"{name}-controlplane-4"
    new = {plane, f"{name}-worker-2"}
    _scale(fleet, 4, 2)
    assert set(fleet.ready()) == before | new
    assert planes.members(first) == dict.fromkeys({*leaders, plane}, False)
    with fleet.having(app("DaemonSet", "everywhere")):
        fleet.rolled_out("daemonset/everywhere")
        assert set(fleet.placed("everywhere").values()) == before | new
        _scale(fleet, 3, 1)
        until(lambda: set(fleet.placed("everywhere").values()) == before, SECONDS, "pods of those that stay")
    assert set(fleet.ready()) == before
    assert planes.members(first) == dict.fromkeys(leaders, False)
    assert not [each for each in new if first.home.places.node(name, each).exists()]
    _scale(fleet, 3, 1)  # which is so
    record_result("came and went", ", ".join(sorted(new)))


def _scale(fleet: Kubernetes, control_planes: int, workers: int) -> None:
    counts = ("--controlplanes", str(control_planes), "--workers", str(workers))
    fleet.nodes[0].home.ichorctl("cluster", "scale", "--name", fleet.nodes[0].cluster.spec.name, *counts, timeout=900)
