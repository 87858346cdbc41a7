"""From the machine config to static pods: when they begin, what restarts which, what a new machined says."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.codec.yaml import load as parse
from core.node.controllers.k8s.controlplane.pods import CONFIG_VERSION, SECRETS_VERSION
from core.node.resources.config import MachineConfig, MachineType, MachineTypeSpec
from core.node.resources.k8s import APIServerConfig, ConfigStatus, StaticPod
from core.node.resources.services import Service
from tests.node.controllers.k8s.controlplane.house import WORKER, ControlPlane
from tests.support.clock import on_loop, settle
from tests.support.fdtable import FdTable

PODS = {"kube-apiserver", "kube-controller-manager", "kube-scheduler"}


@pytest.fixture
def table() -> Iterator[FdTable]:
    table = FdTable()
    yield table
    table.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def annotations(node: ControlPlane) -> dict[str, dict[str, str]]:
    return {name: spec.pod["metadata"]["annotations"] for name, spec in node.all(StaticPod).items()}


def flags(node: ControlPlane, name: str) -> list[str]:
    spec: Any = node.all(StaticPod)[name].pod
    return list(spec["spec"]["containers"][0]["command"])


@on_loop
async def test_pods_begin_when_etcd_and_all_their_files_are_there(tmp_path: Path, table: FdTable) -> None:
    node = ControlPlane(tmp_path, table)
    async with node.running():
        node.told()
        await settle()
        assert node.one(ConfigStatus, "static-pods") is not None
        assert not node.all(StaticPod)
        node.others_are_ready()
        node.etcd(healthy=False)
        await settle()
        assert not node.all(StaticPod)
        node.etcd(healthy=True)
        await settle()
        assert node.all(StaticPod).keys() == PODS
        assert "--service-account-issuer=https://c.example:6443" in flags(node, "kube-apiserver")
        node.etcd(healthy=False)
        node.told(cluster={"apiServer": {"extraArgs": {"v": "4"}}})
        await settle()
        assert node.all(StaticPod).keys() == PODS
        assert "--v=4" not in flags(node, "kube-apiserver")  # nothing is changed while etcd is ill
        node.etcd(healthy=True)
        await settle()
        assert "--v=4" in flags(node, "kube-apiserver")


@on_loop
async def test_a_change_restarts_the_pod_that_it_is_about(tmp_path: Path, table: FdTable) -> None:
    node = ControlPlane(tmp_path, table)
    async with node.running():
        node.told()
        node.others_are_ready()
        await settle()
        before = annotations(node)
        assert before["kube-controller-manager"] == {SECRETS_VERSION: "1"}
        node.told(cluster={"scheduler": {"config": {"percentageOfNodesToScore": 10}}})
        await settle()
        after = annotations(node)
        assert {name for name in PODS if after[name] != before[name]} == {"kube-scheduler"}
        node.told(
            cluster={"apiServer": {"auditPolicy": {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": []}}}
        )
        await settle()
        again = annotations(node)
        assert again["kube-apiserver"][CONFIG_VERSION] != before["kube-apiserver"][CONFIG_VERSION]
        assert again["kube-scheduler"] == before["kube-scheduler"]
        node.others_are_ready("kube-apiserver:1 kube-controller-manager:2 kube-scheduler:1")
        await settle()
        assert {n for n in PODS if annotations(node)[n] != again[n]} == {"kube-controller-manager"}


@on_loop
async def test_a_new_machined_says_the_same_until_it_knows(tmp_path: Path, table: FdTable) -> None:
    first = ControlPlane(tmp_path, table)
    async with first.running():
        first.told()
        first.others_are_ready()
        await settle()
        said = first.all(StaticPod)
    second = ControlPlane(tmp_path, table)
    async with second.running():
        await settle()
        assert second.all(StaticPod) == said
        second.told()
        second.others_are_ready()
        await settle()
        assert second.all(StaticPod) == said


@on_loop
async def test_a_worker_has_none(tmp_path: Path, table: FdTable) -> None:
    node = ControlPlane(tmp_path, table)
    async with node.running():
        node.told()
        node.others_are_ready()
        await settle()
        node.put("machine-type", MachineTypeSpec(machine_type=MachineType.WORKER))
        node.put("v1alpha1", MachineConfig(yaml_marshalled=WORKER.text))
        await settle()
        assert not node.all(StaticPod)
        assert not node.all(APIServerConfig)
        assert not node.all(ConfigStatus)


@on_loop
async def test_every_key_of_the_programs_arrives(tmp_path: Path, table: FdTable) -> None:
    node = ControlPlane(tmp_path, table)
    program = {
        "extraArgs": {"v": "7"},
        "extraVolumes": [{"hostPath": "/var/x", "mountPath": "/x", "readonly": True}],
        "env": {"A": "b"},
        "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "2Gi"}},
    }
    async with node.running():
        node.told(
            machine={"controlPlane": {"scheduler": {"disabled": True}}},
            cluster={
                "apiServer": {
                    **program,
                    "authorizationConfig": [{"type": "Webhook", "name": "w", "webhook": {"a": 1}}],
                },
                "controllerManager": program,
                "externalCloudProvider": {"enabled": True},
                "controlPlane": {"localAPIServerPort": 7443},
            },
        )
        node.others_are_ready()
        await settle()
        made = node.all(StaticPod)
        assert made.keys() == PODS - {"kube-scheduler"}
        for name, spec in made.items():
            pod: Any = spec.pod
            (container,) = pod["spec"]["containers"]
            assert "--v=7" in container["command"]
            assert {"name": "A", "value": "b"} in container["env"]
            assert {"name": "GOMEMLIMIT", "value": str(int(0.95 * (2 << 30)))} in container["env"]
            assert container["resources"]["requests"]["cpu"] == "1"
            assert {"name": "extra-0", "mountPath": "/x", "readOnly": True} in container["volumeMounts"]
            assert ("--cloud-provider=external" in container["command"]) == (name != "kube-apiserver")
        assert "--secure-port=7443" in flags(node, "kube-apiserver")
        server = node.one(APIServerConfig, "kube-apiserver")
        assert server is not None
        assert server.cloud_provider == "external"
    authorization = parse((tmp_path / "kube-apiserver/authorization-config.yaml").read_bytes())
    assert [each["type"] for each in authorization["authorizers"]] == ["Node", "RBAC", "Webhook"]  # type: ignore[index]


@on_loop
async def test_files_are_their_programs_alone_and_old_ones_go(tmp_path: Path, table: FdTable) -> None:
    node = ControlPlane(tmp_path, table)
    async with node.running():
        node.told("1.34.1")
        node.others_are_ready()
        await settle()
        server, scheduler = tmp_path / "kube-apiserver", tmp_path / "kube-scheduler"
        modern = {"admission-control-config.yaml", "auditpolicy.yaml", "authentication-config.yaml"}
        assert names(server) == {*modern, "authorization-config.yaml"}
        for folder, user in ((server, 65534), (scheduler, 65536)):
            for path in (folder, *map(folder.joinpath, names(folder))):
                status = path.stat()
                assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode) & 0o077) == (user, user, 0)
        node.told("1.20.2")
        await settle()
        assert names(server) == {"admission-control-config.yaml", "auditpolicy.yaml"}
        assert b"v1beta1" in (scheduler / "scheduler-config.yaml").read_bytes()
        assert "--anonymous-auth=true" in flags(node, "kube-apiserver")


@on_loop
async def test_what_a_release_cannot_do_changes_nothing(tmp_path: Path, table: FdTable) -> None:
    node = ControlPlane(tmp_path, table)
    async with node.running():
        node.told("1.20.2")
        node.others_are_ready()
        await settle()
        before = node.one(ConfigStatus, "static-pods")
        node.told("1.20.2", cluster={"apiServer": {"authorizationConfig": [{"type": "Webhook", "webhook": {"a": 1}}]}})
        await settle()
        assert node.one(ConfigStatus, "static-pods") == before


@on_loop
async def test_an_operators_own_pods(tmp_path: Path, table: FdTable) -> None:
    node = ControlPlane(tmp_path, table)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": []}}
    other = {**pod, "metadata": {"name": "web", "namespace": "there"}}
    async with node.running():
        node.told(machine={"pods": [pod, other]})
        await settle()
        assert node.all(StaticPod).keys() == {"default-web", "there-web"}
        assert json.loads(json.dumps(node.all(StaticPod)["default-web"].pod)) == pod
        node.told()
        await settle()
        assert not node.all(StaticPod)


@on_loop
async def test_without_etcds_health_nothing_is_known_of_it(tmp_path: Path, table: FdTable) -> None:
    node = ControlPlane(tmp_path, table)
    async with node.running():
        node.told()
        node.others_are_ready()
        node.put("etcd", Service(running=True, healthy=False, unknown=True))
        await settle()
        assert not node.all(StaticPod)
