"""From a machine config and what the network has come to, to a kubelet that is run with the right words: its name, its
addresses, its network of pods, and when it is started anew."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.cluster.kubernetes import kubelet as paths
from core.config import generate
from core.config.generate import Options
from core.config.load import load
from core.config.merge import merge
from core.node.controllers.k8s.kubelet import nodeip
from core.node.controllers.k8s.kubelet.config import kubelet_config
from core.node.controllers.k8s.kubelet.kubeconfig import Kubeconfig
from core.node.controllers.k8s.kubelet.nodename import acceptable, nodename
from core.node.controllers.k8s.kubelet.podnetwork import FILE, PodNetwork
from core.node.controllers.k8s.kubelet.service import KubeletService, KubeletStatuses
from core.node.controllers.k8s.kubelet.spec import kubelet_spec
from core.node.resources.config import MachineConfig, MachineType, MachineTypeSpec
from core.node.resources.files import EtcFileStatus
from core.node.resources.k8s import (
    KubeletConfig,
    KubeletKubeconfig,
    KubeletSpec,
    KubeletStatus,
    NodeIP,
    NodeIPConfig,
    Nodename,
    NodeStatus,
    StaticPodServerStatus,
)
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import Kubelet as Secrets
from core.node.resources.services import Service
from core.node.resources.values import Certificate
from core.node.services.kubelet import Kubelet
from core.node.services.kubeletfiles import Places
from core.state import Controller
from tests.node.controllers.house import House
from tests.node.controllers.secrets.cluster import work
from tests.support.clock import FakeClock, on_loop, settle

CONFIG = generate.control_plane(
    generate.new_secrets(1_700_000_000.0),
    Options(name="c", endpoint="https://10.0.0.2:6443", kubernetes="1.36.1"),
)
CA = load(CONFIG).v1alpha1.cluster.ca
assert CA is not None
SECRETS = Secrets(
    endpoint="https://10.0.0.2:6443",
    accepted_cas=(Certificate(crt=CA.crt),),
    bootstrap_token_id="abcdef",
    bootstrap_token_secret="0123456789abcdef",
)
RUNS = Service(running=True, healthy=True, unknown=False)
SERVER = StaticPodServerStatus(url="http://127.0.0.1:41234/")


class Node(House):
    """A control plane with a name and an address."""

    def __init__(self, *more: Controller, patch: str = "machine: {}") -> None:
        chain = [nodename(), nodeip.node_ip_config(), nodeip.node_ip(), kubelet_config(), kubelet_spec()]
        self.clock = FakeClock()
        super().__init__(self.clock, [*chain, *more])
        self.configure(patch)
        self.put("hostname", HostnameStatus(hostname="Node_1", domainname="example.org"))
        self.put("routed-no-k8s", NodeAddress(addresses=("10.0.0.2/24", "10.0.1.2/24", "fd00::2/64")))
        self.put("machine-type", MachineTypeSpec(machine_type=MachineType.CONTROLPLANE))
        self.put("static-pod-server-status", SERVER)

    def configure(self, patch: str) -> None:
        self.put("v1alpha1", MachineConfig(yaml_marshalled=merge(load(CONFIG), patch.encode()).text))

    @property
    def spec(self) -> KubeletSpec:
        found = self.one(KubeletSpec, "kubelet")
        assert found is not None
        return found


class Served(Node):
    """With the service's controllers; a restart writes what the kubelet needs and notes that it was asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        for name in ("etc", "run/ichor"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("hosts", "resolv.conf"):
            (folder / "etc" / name).touch()
        self.kubelet = Kubelet(self.store, work, self.clock, Places(folder, None))
        kubeconfig = folder / paths.KUBECONFIG.lstrip("/")  # it has come into the cluster before
        kubeconfig.parent.mkdir(exist_ok=True)
        kubeconfig.write_text("{}")
        self.starts = 0
        self.restarts: list[str] = []
        for controller in (KubeletService(self.kubelet, self._start, self._restart), KubeletStatuses(self.kubelet)):
            self._runtime.register(controller)

    def _start(self) -> None:
        self.starts += 1

    async def _restart(self) -> None:
        await self.kubelet.plan()
        self.restarts.append(self.kubelet.wanted().digest)


@on_loop
async def test_a_config_a_name_and_an_address_make_a_kubelet() -> None:
    node = Node()
    async with node.running():
        await settle()
        assert node.one(Nodename, "nodename") == Nodename(nodename="node1", hostname_version="1")
        assert node.one(NodeIP, "kubelet") == NodeIP(addresses=("10.0.0.2",))
        assert (node.spec.image, node.spec.expected_nodename) == ("ghcr.io/siderolabs/kubelet:v1.36.1", "node1")
        assert {"--hostname-override=node1", "--node-ip=10.0.0.2"} < set(node.spec.args)
        assert node.spec.config["staticPodURL"] == SERVER.url
        assert node.spec.config["clusterDNS"] == ["10.96.0.10"]
        assert node.spec.config["registerWithTaints"] == [
            {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
        ]
        assert "staticPodPath" not in node.spec.config  # switched off in generated configs


@on_loop
async def test_nothing_is_decided_before_it_is_known_where_static_pods_are() -> None:
    node = Node()
    node.drop(StaticPodServerStatus.at("static-pod-server-status"))
    async with node.running():
        await settle()
        assert node.one(KubeletConfig, "kubelet") is None
        assert node.one(KubeletSpec, "kubelet") is None


@on_loop
async def test_what_the_config_says_of_the_kubelet_is_what_it_is_run_with() -> None:
    node = Node(
        patch="""
machine:
  nodeTaints: {gpu: "yes:NoExecute"}
  kubelet:
    image: example.test/kubelet:v1.20.2
    clusterDNS: [10.1.1.1]
    extraArgs: {v: "4", feature: [a, b]}
    extraConfig: {maxPods: 20}
    extraMounts: [{source: /var/data, destination: /var/data, type: bind, options: [bind, rw]}]
    registerWithFQDN: true
    nodeIP: {validSubnets: [10.0.1.0/24]}
    disableManifestsDirectory: false
    credentialProviderConfig: {providers: []}
cluster:
  allowSchedulingOnControlPlanes: true
"""
    )
    async with node.running():
        await settle()
        args = set(node.spec.args)
        assert {"--v=4", "--feature=a", "--feature=b", "--node-ip=10.0.1.2", "--container-runtime=remote"} < args
        assert {"--hostname-override=node1.example.org", "--register-with-taints=gpu=yes:NoExecute"} < args
        assert (node.spec.config["maxPods"], node.spec.config["clusterDNS"]) == (20, ["10.1.1.1"])
        assert node.spec.config["staticPodPath"] == "/etc/kubernetes/manifests"
        assert [mount.destination for mount in node.spec.extra_mounts] == ["/var/data"]
        assert node.spec.credential_provider_config == {"providers": []}


@on_loop
async def test_a_standalone_kubelet_expects_no_node_of_its_name() -> None:
    node = Node(patch="machine: {kubelet: {skipNodeRegistration: true}}")
    async with node.running():
        await settle()
        assert node.spec.expected_nodename == ""
        assert not any(argument.startswith("--kubeconfig") for argument in node.spec.args)
        found = node.one(Nodename, "nodename")
        assert found is not None
        assert found.skip_node_registration


@on_loop
async def test_an_old_release_knows_its_control_plane_as_master() -> None:
    node = Node(patch="machine: {kubelet: {image: example.test/kubelet:v1.20.2}}")
    async with node.running():
        await settle()
        assert "--register-with-taints=node-role.kubernetes.io/master=:NoSchedule" in node.spec.args


@on_loop
async def test_addresses_are_of_the_services_families_and_outlive_a_lost_link() -> None:
    node = Node(
        patch="cluster: {network: {podSubnets: [fd01::/56, 10.9.0.0/16], serviceSubnets: [fd02::/112, 10.8.0.0/16]}}"
    )
    async with node.running():
        await settle()
        known = NodeIP(addresses=("fd00::2", "10.0.0.2"))
        assert node.one(NodeIP, "kubelet") == known
        config = node.one(NodeIPConfig, "kubelet")
        assert config is not None
        assert set(config.exclude_subnets) == {"fd01::/56", "10.9.0.0/16", "fd02::/112", "10.8.0.0/16"}
        node.put("routed-no-k8s", NodeAddress())
        await settle()
        assert node.one(NodeIP, "kubelet") == known


def test_a_node_ip_is_never_one_of_pods_or_of_a_refused_prefix() -> None:
    addresses = ("10.244.0.1/24", "192.168.0.5/24", "10.0.0.2/24")
    assert nodeip.choose(addresses, ("0.0.0.0/0",), ("10.244.0.0/16",)) == ("192.168.0.5",)
    assert nodeip.choose(addresses, ("0.0.0.0/0", "!192.168.0.0/16"), ("10.244.0.0/16",)) == ("10.0.0.2",)
    assert nodeip.choose(addresses, ("!192.168.0.0/16",), ("10.244.0.0/16",)) == ("10.0.0.2",)
    assert nodeip.choose(addresses, ("0.0.0.0/0",), ("10.244.0.0/16", "192.168.0.5")) == ("10.0.0.2",)
    assert nodeip.choose(addresses, ("172.16.0.0/12",), ()) == ()


@given(st.text(max_size=80))
def test_a_node_name_is_one_that_kubernetes_takes(host: str) -> None:
    try:
        name = acceptable(host)
    except Invalid:
        return
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert name[0] not in ".-"
    assert name[-1] not in ".-"
    assert acceptable(name) == name


def test_a_host_without_a_usable_letter_has_no_node_name() -> None:
    with pytest.raises(Invalid, match="nothing that a node name"):
        acceptable("__")


@on_loop
async def test_native_pods_get_a_bridge_in_the_nodes_range(tmp_path: Path) -> None:
    node = Node(PodNetwork(tmp_path / "net.d"), patch="cluster: {network: {cni: {name: native}}}")
    async with node.running():
        await settle()
        assert not (tmp_path / "net.d").exists()
        node.put("node1", NodeStatus(nodename="node1", pod_cidrs=("10.244.3.0/24", "fd01:3::/64")))
        await settle()
        bridge = json.loads((tmp_path / "net.d" / FILE).read_bytes())["plugins"][0]
        assert bridge["ipam"]["ranges"] == [[{"subnet": "10.244.3.0/24"}], [{"subnet": "fd01:3::/64"}]]
        assert bridge["ipam"]["routes"] == [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
        node.drop(NodeStatus.at("node1"))
        await settle()
        assert (tmp_path / "net.d" / FILE).exists()
        node.configure("cluster: {network: {cni: {name: none}}}")
        await settle()
        assert list((tmp_path / "net.d").iterdir()) == []


@on_loop
async def test_a_kubelet_is_started_anew_when_it_runs_with_something_else(tmp_path: Path) -> None:
    node = Served(tmp_path)
    async with node.running():
        await settle()
        assert node.starts == 0
        node.put("kubelet", SECRETS)
        await settle()
        assert (node.starts, node.restarts) == (1, [])  # it does not run
        await node.kubelet.plan()
        node.put("kubelet", RUNS)
        await settle()
        assert node.restarts == []
        assert node.one(KubeletStatus, "kubelet") == KubeletStatus(image="ghcr.io/siderolabs/kubelet:v1.36.1")
        node.configure("machine: {kubelet: {extraArgs: {v: '4'}}}")
        await settle()
        (tmp_path / "etc/resolv.conf").write_text("nameserver 10.0.0.3")
        node.put("resolv.conf", EtcFileStatus(spec_version="2"))
        await settle()
        assert len(node.restarts) == len(set(node.restarts)) == 2
        node.put("kubelet", msgspec.structs.replace(SECRETS, endpoint="https://10.0.0.9:6443"))
        await settle()
        assert len(node.restarts) == 3
        node.put("kubelet", Service())
        await settle()
        assert node.all(KubeletStatus) == {}


@on_loop
async def test_a_kubelet_is_left_alone_until_it_is_known_what_it_should_run_with(tmp_path: Path) -> None:
    node = Served(tmp_path)
    async with node.running():
        node.put("kubelet", SECRETS)
        await settle()
        await node.kubelet.plan()
    after = Served(tmp_path)
    after.drop(StaticPodServerStatus.at("static-pod-server-status"))
    async with after.running():
        after.put("kubelet", RUNS)
        await settle()
        after.put("kubelet", SECRETS)
        await settle()
        after.put("static-pod-server-status", SERVER)
        await settle()
        assert after.restarts == []


@on_loop
async def test_the_kubelets_kubeconfig_is_told_of_when_it_has_come(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    clock = FakeClock()
    house = House(clock, [Kubeconfig(path)])
    async with house.running():
        house.put("kubelet", Service(running=True, healthy=True, unknown=False))
        await settle()
        assert house.all(KubeletKubeconfig) == {}
        path.write_text("kind: Config")
        await clock.advance(2.0)
        first = house.one(KubeletKubeconfig, "kubelet")
        assert first is not None
        path.unlink()
        house.put("kubelet", Service())
        await settle()
        assert house.all(KubeletKubeconfig) == {}
