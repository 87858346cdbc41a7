"""What etcd shall be: from the config and the network to its spec, and where the other control planes may be."""

import json

import pytest

from core.config import generate
from core.config.generate import Options
from core.config.load import read
from core.config.merge import merge_text
from core.node.controllers.etcd.config import IMAGE, etcd_config
from core.node.controllers.etcd.spec import etcd_spec
from core.node.etcd.hosts import Host, Hosts
from core.node.resources.cluster import Member
from core.node.resources.config import MachineConfig, MachineType
from core.node.resources.etcd import EtcdConfig, EtcdSpec
from core.node.resources.k8s import Endpoint
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.services.etcd import version
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop, settle

SECRETS = generate.new_secrets(1_700_000_000.0)
OPTIONS = Options(name="c", endpoint="https://10.0.0.9:6443", additional_sans=("10.0.0.3", "kube.test", "10.0.0.2"))
CONTROL_PLANE = generate.control_plane(SECRETS, OPTIONS)
WORKER = generate.worker(SECRETS, OPTIONS)


def _config(**etcd: object) -> MachineConfig:
    patch = json.dumps({"cluster": {"etcd": etcd}}).encode()
    return MachineConfig(yaml_marshalled=merge_text(read(CONTROL_PLANE, "config"), patch, "patch"))


class Node(House):
    def __init__(self) -> None:
        super().__init__(FakeClock(), [etcd_config(), etcd_spec()])
        self.put("hostname", HostnameStatus(hostname="cp-1", domainname="test"))
        self.addresses("10.0.0.2/24", "10.9.0.2/16", "fd00::2/64")

    def addresses(self, *addresses: str) -> None:
        for id_ in ("routed-no-k8s", "current-no-k8s", "accumulative"):
            self.put(id_, NodeAddress(addresses=addresses))

    @property
    def spec(self) -> EtcdSpec:
        found = self.one(EtcdSpec, "etcd")
        assert found is not None
        return found


@on_loop
async def test_the_first_routed_address_is_announced_and_all_are_listened_at() -> None:
    node = Node()
    node.put("v1alpha1", _config(extraArgs={"quota-backend-bytes": "1000"}))
    async with node.running():
        await settle()
        assert node.spec == EtcdSpec(
            name="cp-1",
            image=IMAGE,
            extra_args={"quota-backend-bytes": ("1000",)},
            advertised_addresses=("10.0.0.2",),
            listen_peer_addresses=("::",),
            listen_client_addresses=("::",),
        )
        node.addresses("10.0.0.7/24")
        await settle()
        assert (node.spec.advertised_addresses, node.spec.listen_peer_addresses) == (("10.0.0.7",), ("0.0.0.0",))


@on_loop
async def test_subnets_choose_and_refuse() -> None:
    node = Node()
    node.put("v1alpha1", _config(image="etcd:v3.5.16", advertisedSubnets=["10.0.0.0/8", "!10.9.0.0/16"]))
    async with node.running():
        await settle()
        assert node.one(EtcdConfig, "etcd") == EtcdConfig(
            image="etcd:v3.5.16",
            advertise_valid_subnets=("10.0.0.0/8",),
            advertise_exclude_subnets=("10.9.0.0/16",),
            listen_valid_subnets=("10.0.0.0/8",),
            listen_exclude_subnets=("10.9.0.0/16",),
        )
        assert node.spec.advertised_addresses == node.spec.listen_peer_addresses == ("10.0.0.2",)
        assert node.spec.listen_client_addresses == ("127.0.0.1", "10.0.0.2")
        node.put("v1alpha1", _config(subnet="10.9.0.0/16", listenSubnets=["fd00::/8"]))
        await settle()
        assert node.spec.advertised_addresses == ("10.9.0.2",)
        assert (node.spec.listen_peer_addresses, node.spec.listen_client_addresses) == (
            ("fd00::2",),
            ("::1", "fd00::2"),
        )
        node.put("v1alpha1", _config(subnet="192.0.2.0/24"))
        await settle()
        assert node.one(EtcdSpec, "etcd") is None


@on_loop
async def test_an_address_that_wanders_is_nobodys_own() -> None:
    node, vip = Node(), {"machine": {"network": {"interfaces": [{"interface": "eth0", "vip": {"ip": "10.0.0.9"}}]}}}
    node.addresses("10.0.0.9/32", "10.0.0.2/24")
    config = read(_config(advertisedSubnets=["10.0.0.0/8"]).yaml_marshalled, "config")
    node.put("v1alpha1", MachineConfig(yaml_marshalled=merge_text(config, json.dumps(vip).encode(), "patch")))
    async with node.running():
        await settle()
        assert node.spec.advertised_addresses == node.spec.listen_peer_addresses == ("10.0.0.2",)


@on_loop
async def test_a_worker_has_none_and_without_a_name_there_is_none_yet() -> None:
    node = Node()
    node.put("v1alpha1", MachineConfig(yaml_marshalled=WORKER))
    async with node.running():
        await settle()
        assert not node.all(EtcdConfig)
        node.drop(HostnameStatus.at("hostname"))
        node.put("v1alpha1", _config())
        await settle()
        assert node.all(EtcdConfig)
        assert not node.all(EtcdSpec)


@on_loop
async def test_the_others_are_whom_the_config_and_the_cluster_name() -> None:
    node = Node()
    hosts = Hosts(node.store)
    assert list(hosts) == []
    node.put("v1alpha1", _config())
    assert list(hosts) == ["10.0.0.9", "10.0.0.3"]
    member = Member(node_id="x", addresses=("10.0.0.4", "10.7.0.4"), machine_type=MachineType.CONTROLPLANE)
    node.put("cp-4", member)
    node.put("worker", Member(node_id="y", addresses=("10.0.0.5",), machine_type=MachineType.WORKER))
    node.put("controlplane", Endpoint(addresses=("10.0.0.6", "127.0.0.1", "10.0.0.4")))
    assert list(hosts) == ["10.0.0.9", "10.0.0.3", "10.0.0.4", "10.0.0.6"]
    assert (len(hosts), hosts[1], hosts[2:]) == (4, "10.0.0.3", ["10.0.0.4", "10.0.0.6"])


@on_loop
async def test_those_that_are_listed_are_counted_and_come_first() -> None:
    node = Node()
    hosts = Hosts(node.store)
    assert hosts.listed == []
    document = b"apiVersion: ichor.dev/v1alpha1\nkind: ControlPlanesConfig\naddresses: [10.0.0.2, 10.0.0.8, 10.0.0.3]\n"
    node.put("v1alpha1", MachineConfig(yaml_marshalled=merge_text(read(CONTROL_PLANE, "config"), document, "patch")))
    assert hosts.listed == ["10.0.0.8", "10.0.0.3"]
    assert list(hosts) == ["10.0.0.8", "10.0.0.3", "10.0.0.9"]


@on_loop
async def test_nobody_is_known_by_an_address_that_control_planes_share() -> None:
    """It was the other's, and is this node's now: that one is silent all the same."""
    node = Node()
    vip = {"interface": "eth0", "dhcp": True, "vip": {"ip": "10.0.0.7"}}
    patch = json.dumps({"machine": {"network": {"interfaces": [vip]}}}).encode()
    node.put("v1alpha1", MachineConfig(yaml_marshalled=merge_text(read(CONTROL_PLANE, "config"), patch, "patch")))
    node.addresses("10.0.0.2/24", "10.0.0.7/32")
    kind = MachineType.CONTROLPLANE
    node.put("other", Member(node_id="x", hostname="cp-2", addresses=("10.0.0.4", "10.0.0.7"), machine_type=kind))
    hosts = Hosts(node.store)
    assert hosts.own("cp-1") == Host("cp-1", frozenset({"10.0.0.2"}))
    assert hosts.told() == [Host("cp-2", frozenset({"10.0.0.4"}))]


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ("registry.k8s.io/etcd:v3.5.16", (3, 5)),
        ("localhost:5000/etcd:3.6.1-0@sha256:" + "0" * 64, (3, 6)),
        ("etcd@sha256:" + "0" * 64, (3, 6)),
        ("etcd:nightly", (3, 6)),
    ],
)
def test_an_images_tag_says_which_flags_it_has(image: str, wanted: tuple[int, int]) -> None:
    assert version(image) == wanted
