"""A Node in a real apiserver, as a control plane and as a worker keep it, with the rights that each has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.base.clock import SystemClock
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.paths import NODES, Object
from core.codec import yaml
from core.config import generate
from core.config.generate import Options
from core.config.load import load
from core.config.merge import merge_text
from core.node.controllers.k8s.nodes import NodeApply, NodeStatuses, specs
from core.node.resources.config import MachineConfig, MachineType, MachineTypeSpec
from core.node.resources.k8s import KubeletKubeconfig, Nodename, NodeStatus, NodeTaintSpec
from core.node.resources.runtime import MachineStage, MachineStatus
from core.node.resources.secrets import Kubernetes as Secrets
from tests.node.controllers.house import House
from tests.support.apiserver import ApiServer
from tests.support.clock import on_loop

SECRETS = generate.new_secrets(1_700_000_000.0)
OPTIONS = Options(name="c", endpoint="https://10.0.0.2:6443", kubernetes="1.20.2")
GROUP = "system:nodes"
UNREADY = "node.kubernetes.io/not-ready"  # the apiserver's own, of a node that is new


class Machine(House):
    """A machine with a config and a kubelet that has joined, but for its Node."""

    def __init__(self, apiserver: ApiServer, name: str, folder: Path, change: Object, *, leads: bool) -> None:
        path = folder / name
        path.write_bytes(apiserver.kubeconfig(f"system:node:{name}", (GROUP,)))
        super().__init__(SystemClock(), [*specs(), NodeStatuses(path), NodeApply(path)])
        self.name, self._leads = name, leads
        self.configured(change)
        empty = dict.fromkeys(("scheduler_kubeconfig", "controller_manager_kubeconfig", "admin_kubeconfig"), "")
        self.put("k8s-certs", Secrets(localhost_admin_kubeconfig=apiserver.kubeconfig().decode(), **empty))
        self.put(
            "machine-type", MachineTypeSpec(machine_type=MachineType.CONTROLPLANE if leads else MachineType.WORKER)
        )
        self.put("nodename", Nodename(nodename=name))
        self.put("kubelet", KubeletKubeconfig(hash="1"))

    def configured(self, change: Object) -> None:
        text = generate.control_plane(SECRETS, OPTIONS) if self._leads else generate.worker(SECRETS, OPTIONS)
        self.put("v1alpha1", MachineConfig(yaml_marshalled=merge_text(load(text), yaml.dump(change))))

    def told(self) -> NodeStatus:
        return self.one(NodeStatus, self.name) or NodeStatus(nodename="")


@asynccontextmanager
async def registered(apiserver: ApiServer, name: str, **spec: Any) -> AsyncIterator[Kubernetes]:
    """A Node as its kubelet makes it; with the kubelet's client."""
    async with apiserver.client(f"system:node:{name}", (GROUP,)) as kubelet:
        await kubelet.create(NODES, {"metadata": {"name": name, "labels": {"theirs": "1"}}, "spec": spec})
        yield kubelet


@on_loop
async def test_a_control_plane_keeps_its_node(apiserver: ApiServer, tmp_path: Path) -> None:
    change = {"machine": {"nodeLabels": {"a": "1"}, "nodeAnnotations": {"b": "2"}, "nodeTaints": {"t": "v:NoExecute"}}}
    machine = Machine(apiserver, "leader", tmp_path, change, leads=True)
    taints = [{"key": "node-role.kubernetes.io/master", "effect": "NoSchedule"}]
    async with machine.running(), registered(apiserver, "leader", taints=taints, podCIDR="10.244.0.0/24") as kubelet:
        await machine.until(lambda: machine.told().labels.get("a") == "1")
        assert machine.told().pod_cidrs == ("10.244.0.0/24",)
        assert machine.told().annotations["b"] == "2"
        found = apiserver.read("node", "leader")
        assert found["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] == ""
        assert {each["key"] for each in found["spec"]["taints"]} == {taints[0]["key"], UNREADY, "t"}
        assert set(machine.all(NodeTaintSpec)) == {taints[0]["key"], "t"}

        machine.configured({"cluster": {"allowSchedulingOnControlPlanes": True}})
        await machine.until(lambda: "a" not in machine.told().labels)
        assert [each["key"] for each in apiserver.read("node", "leader")["spec"]["taints"]] == [UNREADY]
        assert machine.told().labels["theirs"] == "1"

        conditions = [{"type": "Ready", "status": "True"}]
        await kubelet.patch(NODES, "leader", {"status": {"conditions": conditions}}, part="status")
        await machine.until(lambda: machine.told().node_ready)
        apiserver.kubectl("delete", "node", "leader")
        await machine.until(lambda: not machine.all(NodeStatus))


@pytest.mark.parametrize("leads", [True, False])
@on_loop
async def test_no_pods_come_while_a_machine_goes_down(apiserver: ApiServer, tmp_path: Path, leads: bool) -> None:
    name = f"closing-{leads}".lower()
    machine = Machine(apiserver, name, tmp_path, {"machine": {"nodeLabels": {"own": "1"}}}, leads=leads)
    machine.put("machine", MachineStatus(stage=MachineStage.RUNNING))
    async with machine.running(), registered(apiserver, name):
        await machine.until(lambda: machine.told().labels.get("own") == "1")
        machine.put("machine", MachineStatus(stage=MachineStage.SHUTTING_DOWN))
        await machine.until(lambda: machine.told().unschedulable)
        assert apiserver.read("node", name)["metadata"]["annotations"]["talos.dev/cordoned"] == "true"
        machine.put("machine", MachineStatus(stage=MachineStage.BOOTING))
        await machine.until(lambda: not machine.told().unschedulable)
        apiserver.kubectl("cordon", name)
        await machine.until(lambda: machine.told().unschedulable)
        machine.put("machine", MachineStatus(stage=MachineStage.RUNNING))
        machine.configured({"machine": {"nodeLabels": {"own": "2"}}})
        await machine.until(lambda: machine.told().labels.get("own") == "2")
        assert machine.told().unschedulable  # somebody else wants it so
