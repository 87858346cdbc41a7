"""Configs of a new cluster: one for each kind of node that it has."""

from pathlib import Path

import msgspec
import pytest

from core.base.errors import Invalid
from core.config.load import load
from core.provision.bringup import machine_configs
from core.provision.model import Cluster, ClusterSpec, Node

# a worker cannot take it
PATCH = (b"machine: {features: {kubernetesTalosAPIAccess: {enabled: true, allowedRoles: [os:reader]}}}", "patch")
CONTROL_PLANE, WORKER = Node("c-controlplane-1", "10.5.0.2"), Node("c-worker-1", "10.5.0.3", worker=True)


def _cluster(*nodes: Node) -> Cluster:
    spec = ClusterSpec("c", "container", "/image", workers=len(nodes) - 1)
    return Cluster(spec, "", "10.5.0.0/24", "10.5.0.1", "bridge", nodes)


def test_a_patch_for_control_planes_is_fine_without_workers(tmp_path: Path) -> None:
    made = machine_configs(tmp_path, _cluster(CONTROL_PLANE), (PATCH,))
    assert load(made[False], "made").v1alpha1.machine.type == "controlplane"
    assert made.keys() == {False}
    with pytest.raises(Invalid, match="only control planes"):
        machine_configs(tmp_path, _cluster(CONTROL_PLANE, WORKER), (PATCH,))


def test_each_kind_has_its_own(tmp_path: Path) -> None:
    made = machine_configs(tmp_path, _cluster(CONTROL_PLANE, WORKER), ())
    types = {worker: load(config, "made").v1alpha1.machine.type for worker, config in made.items()}
    assert types == {False: "controlplane", True: "worker"}
    assert made == machine_configs(tmp_path, _cluster(CONTROL_PLANE, WORKER), ())  # made once


def test_each_runs_the_kubernetes_that_is_asked_for_from_where_it_is_to_be_had(tmp_path: Path) -> None:
    cluster = _cluster(CONTROL_PLANE, WORKER)
    spec = msgspec.structs.replace(cluster.spec, kubernetes="1.20.2", mirrors=(("*", "http://10.5.9.1:5000"),))
    for config in machine_configs(tmp_path, msgspec.structs.replace(cluster, spec=spec), ()).values():
        machine = load(config, "made").v1alpha1.machine
        assert machine.kubelet.image.endswith(":v1.20.2")
        assert [tuple(mirror.endpoints) for mirror in machine.registries.mirrors.values()] == [
            ("http://10.5.9.1:5000",)
        ]
