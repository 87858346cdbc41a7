"""What a node tells of itself and what it makes of what others tell: no network, only the store."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.config import generate
from core.node.controllers.cluster.affiliates import RAW, AffiliateMerge, LocalAffiliate, Members
from core.node.controllers.cluster.identity import ClusterInfo, DiscoverySettings, NodeIdentity, base62
from core.node.controllers.k8s.network.endpoints import DiscoveredEndpoints, StaticEndpoint
from core.node.resources.block import MountStatus
from core.node.resources.cluster import Affiliate, ControlPlane, DiscoveryConfig, Identity, Info, Member
from core.node.resources.config import MachineConfig, MachineType, MachineTypeSpec
from core.node.resources.k8s import Endpoint, Nodename
from core.node.resources.network import HostnameStatus, NodeAddress
from core.state import Resource
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop, settle

SECRETS = generate.new_secrets(1_700_000_000.0)
OPTIONS = generate.Options(name="c", endpoint="https://cluster.example:6443")
CONFIG = generate.control_plane(SECRETS, OPTIONS)


class Node(House):
    """One node without a network: what it knows of itself is put in."""

    def __init__(self, folder: Path, config: bytes = CONFIG) -> None:
        super().__init__(
            FakeClock(),
            [
                *(NodeIdentity(folder), ClusterInfo(), DiscoverySettings(), LocalAffiliate("Ichor (v1)")),
                *(AffiliateMerge(), Members(), StaticEndpoint(), DiscoveredEndpoints()),
            ],
        )
        self.put("STATE", MountStatus())
        self.put("v1alpha1", MachineConfig(yaml_marshalled=config))
        self.put("machine-type", MachineTypeSpec(machine_type=MachineType.CONTROLPLANE))
        self.put("hostname", HostnameStatus(hostname="one", domainname="example"))
        self.put("nodename", Nodename(nodename="one"))
        self.put("routed-no-k8s", NodeAddress(addresses=("10.5.0.2/24", "fd00::2/64")))

    def told(self, source: str, affiliate: Affiliate) -> None:
        id_ = f"{source}/{affiliate.node_id}"
        self.store.create(Resource.of(id_, affiliate, namespace=RAW))


@on_loop
async def test_a_node_knows_itself(tmp_path: Path) -> None:
    node = Node(tmp_path)
    async with node.running():
        await settle()
        identity = node.one(Identity, "local")
        assert identity is not None
        assert len(identity.node_id) == 43
        assert node.one(Info, "current") == Info(cluster_id=SECRETS.cluster.id, cluster_name="c")
        own = node.one(Affiliate, identity.node_id)
        assert own == Affiliate(
            node_id=identity.node_id,
            addresses=("10.5.0.2", "fd00::2"),
            hostname="one.example",
            nodename="one",
            operating_system="Ichor (v1)",
            machine_type=MachineType.CONTROLPLANE,
            control_plane=ControlPlane(api_server_port=6443),
        )
        assert node.all(Member).keys() == {"one"}
        assert node.one(Endpoint, "kube-apiserver") == Endpoint(hosts=("cluster.example",))
        assert node.one(Endpoint, "discovery") == Endpoint(addresses=("10.5.0.2", "fd00::2"))
    again = Node(tmp_path)
    async with again.running():
        await settle()
        assert again.one(Identity, "local") == identity


@on_loop
async def test_nothing_is_told_where_discovery_is_off(tmp_path: Path) -> None:
    options = generate.Options(name="c", endpoint="https://10.5.0.9:6443", discovery=False)
    node = Node(tmp_path, generate.control_plane(SECRETS, options))
    async with node.running():
        await settle()
        settings = node.one(DiscoveryConfig, "cluster")
        assert settings == DiscoveryConfig()
        assert not node.all(Affiliate)
        assert not node.all(Member)
        assert node.all(Endpoint) == {"kube-apiserver": Endpoint(addresses=("10.5.0.9",))}


@on_loop
async def test_what_sources_tell_is_merged_and_named(tmp_path: Path) -> None:
    node = Node(tmp_path)
    async with node.running():
        await settle()
        identity = node.one(Identity, "local")
        assert identity is not None
        node.told("service", Affiliate(node_id="b", nodename="two", addresses=("10.5.0.3",)))
        node.told("k8s", Affiliate(node_id="b", nodename="two", addresses=("10.5.0.4",)))
        node.told("service", Affiliate(node_id="c", addresses=("10.5.0.5",)))  # has no name yet
        node.told("service", Affiliate(node_id="d", nodename="one", addresses=("10.5.0.6",)))  # has our name
        node.told("service", Affiliate(node_id=identity.node_id, nodename="fake"))
        await settle()
        assert node.all(Affiliate).keys() == {identity.node_id, "b", "c", "d"}
        assert {id_: member.addresses for id_, member in node.all(Member).items()} == {
            "one": ("10.5.0.2", "fd00::2"),
            "two": ("10.5.0.4",),
        }


@given(st.binary(min_size=32, max_size=32))
def test_an_id_is_as_long_as_any_other(data: bytes) -> None:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    text = base62(data)
    assert len(text) == 43
    assert sum(digits.index(digit) * 62**place for place, digit in enumerate(reversed(text))) == int.from_bytes(data)
