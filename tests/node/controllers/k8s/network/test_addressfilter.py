"""Which of a node's addresses are its own: those that Kubernetes gives to pods and services are not."""

from ipaddress import ip_address, ip_interface, ip_network

from hypothesis import given
from hypothesis import strategies as st

from core.node.controllers.k8s.network.addressfilter import AddressFilter
from core.node.controllers.network.nodeaddress import NodeAddresses, passing
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import Nodename, NodeStatus
from core.node.resources.network import (
    AddressStatus,
    LinkStatus,
    LinkType,
    NodeAddress,
    NodeAddressFilter,
    OperationalState,
)
from tests.node.controllers.house import House
from tests.node.controllers.network.test_network import WORKER
from tests.support.clock import FakeClock, on_loop, settle


def _house(*addresses: str) -> House:
    house = House(FakeClock(), [AddressFilter(), NodeAddresses()])
    up = LinkStatus(index=2, type=LinkType.ETHER, operational_state=OperationalState.UP)
    house.put("eth0", up)
    for address in addresses:
        house.put(f"eth0/{address}", AddressStatus(address=address, link_name="eth0"))
    return house


def _addresses(house: House) -> dict[str, tuple[str, ...]]:
    return {id_: spec.addresses for id_, spec in house.all(NodeAddress).items()}


@on_loop
async def test_without_a_config_there_are_no_filters() -> None:
    house = _house("10.5.0.2/24", "10.244.1.1/24")
    async with house.running():
        await settle()
        assert not house.all(NodeAddressFilter)
        assert _addresses(house).keys() == {"default", "current", "routed", "accumulative"}


@on_loop
async def test_one_that_is_not_to_be_sent_from_is_not_the_default() -> None:
    house = _house("10.5.0.2/24")
    house.put("eth0/10.5.0.9/32", AddressStatus(address="10.5.0.9/32", link_name="eth0", flags=0x20))
    async with house.running():
        await settle()
        found = _addresses(house)
        assert (found["default"], found["current"]) == (("10.5.0.2/24",), ("10.5.0.2/24", "10.5.0.9/32"))


@on_loop
async def test_pods_and_services_are_told_apart() -> None:
    house = _house("10.5.0.2/24", "10.244.1.1/24", "10.96.0.10/32", "fd01::1/64")
    house.put("v1alpha1", MachineConfig(yaml_marshalled=WORKER))
    async with house.running():
        await settle()
        found = _addresses(house)
        assert found["current"] == ("10.96.0.10/32", "10.5.0.2/24", "10.244.1.1/24", "fd01::1/64")
        assert found["current-no-k8s"] == found["routed-no-k8s"] == ("10.5.0.2/24", "fd01::1/64")
        assert found["current-only-k8s"] == ("10.96.0.10/32", "10.244.1.1/24")
        assert found["routed-only-k8s"] == ("10.244.1.1/24",)
        # a range that the node was given elsewhere counts once it is known
        house.put("nodename", Nodename(nodename="one"))
        house.put("one", NodeStatus(nodename="one", pod_cidrs=("fd01::/64",)))
        await settle()
        assert _addresses(house)["routed-no-k8s"] == ("10.5.0.2/24",)
        house.drop(MachineConfig.at("v1alpha1"))
        await settle()
        assert "current-no-k8s" not in _addresses(house)


@given(
    st.lists(st.ip_addresses(network="10.0.0.0/8"), max_size=8),
    st.lists(st.integers(8, 24), max_size=3),
    st.lists(st.integers(8, 24), max_size=3),
)
def test_what_passes_is_in_an_included_and_in_no_excluded_subnet(
    addresses: list[object], include: list[int], exclude: list[int]
) -> None:
    texts = [f"{address}/32" for address in addresses]
    nets = [[ip_network((f"10.{bits}.0.0", bits), strict=False) for bits in each] for each in (include, exclude)]
    filter_ = NodeAddressFilter(include_subnets=tuple(map(str, nets[0])), exclude_subnets=tuple(map(str, nets[1])))
    for text in texts:
        ip = ip_address(ip_interface(text).ip)
        wanted = (not nets[0] or any(ip in n for n in nets[0])) and not any(ip in n for n in nets[1])
        assert (text in passing(texts, filter_)) is wanted
