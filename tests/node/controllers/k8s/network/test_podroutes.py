"""Ways to other nodes' pods: which there are, and that packets of both families go them."""

from ipaddress import ip_interface, ip_network

from core.base.clock import SystemClock
from core.config import generate
from core.linux.network import Network
from core.node.controllers.k8s.network.podroutes import PodRoutes, Segment, routes
from core.node.controllers.network.addresses import address_status
from core.node.controllers.network.links import link_status
from core.node.controllers.network.merge import merges
from core.node.controllers.network.routes import RouteApply, route_status
from core.node.resources.cluster import PeerNetwork, PeerRoute
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import Nodename, NodeStatus
from core.node.resources.network import RouteStatus
from tests.node.controllers.house import House
from tests.support.clock import on_loop
from tests.support.netns import cable

CONFIG = (
    generate.worker(generate.new_secrets(1_700_000_000.0), generate.Options(name="c", endpoint="https://x:6443"))
    .replace(b"dnsDomain: cluster.local", b"dnsDomain: cluster.local\n    cni: {name: native}")
    .replace(b"- 10.244.0.0/16", b"- 10.244.0.0/16\n    - fd44::/48")
    .replace(b"- 10.96.0.0/12", b"- 10.96.0.0/12\n    - fd96::/112")
)
PODS = (ip_network("10.244.0.0/16"), ip_network("fd44::/48"))
SEGMENTS = [Segment("eth0", ip_interface("10.5.0.2/24")), Segment("eth1", ip_interface("fd05::2/64"))]


def _peer(name: str, *networks: str, at: tuple[str, ...] = ("10.5.0.9", "fd05::9")) -> PeerNetwork:
    return PeerNetwork(nodename=name, addresses=at, pod_networks=networks)


def test_a_neighbour_is_the_gateway_of_its_pods() -> None:
    found = routes([_peer("two", "10.244.2.0/24", "fd44:0:0:2::/64")], PODS, SEGMENTS, [])
    assert found == {
        "10.244.2.0/24": PeerRoute(nodename="two", gateway="10.5.0.9", link_name="eth0"),
        "fd44:0:0:2::/64": PeerRoute(nodename="two", gateway="fd05::9", link_name="eth1"),
    }


def test_what_has_no_way_is_named() -> None:
    far = _peer("far", "10.244.3.0/24", at=("10.6.0.9", "fd05::9"))
    wide = _peer("wide", "10.0.0.0/8", "0.0.0.0/0", "10.5.0.0/24")
    newer, older = _peer("new", "10.244.4.0/24"), _peer("old", "10.244.4.0/25", "10.244.1.0/24")
    same = _peer("same", "10.244.4.0/24")
    found = routes([far, wide, newer, older, same], PODS, SEGMENTS, [ip_network("10.244.1.0/24")])
    problems = {prefix: route.problem for prefix, route in found.items() if not route.gateway}
    outside = "outside of the cluster's ranges for pods"
    assert problems == {
        "10.244.3.0/24": "no IPv4 address of it is on a segment of this node",
        "10.0.0.0/8": outside,
        "0.0.0.0/0": outside,
        "10.5.0.0/24": outside,
        "10.244.4.0/25": "overlaps with what new has",
        "10.244.1.0/24": "overlaps with what this node has",
    }
    assert found["10.244.4.0/24"].nodename == "new"


@on_loop
async def test_packets_go_there_and_routes_go_with_their_node() -> None:
    with cable() as (near, far), Network(near.fd) as kernel:
        for space, link, number in ((near, "eth0", 2), (far, "far0", 3)):
            space.ip("link", "set", link, "up")
            space.ip("address", "add", f"10.5.0.{number}/24", "dev", link)
            space.ip("address", "add", f"fd05::{number}/64", "dev", link, "nodad")
        far.batch("address add 10.244.3.1/32 dev lo", "address add fd44:0:0:3::1/128 dev lo nodad")
        controllers = [link_status(kernel), address_status(kernel), *merges(), RouteApply(kernel), route_status(kernel)]
        house = House(SystemClock(), [*controllers, PodRoutes()])
        house.put("v1alpha1", MachineConfig(yaml_marshalled=CONFIG))
        house.put("nodename", Nodename(nodename="two"))
        house.put("two", NodeStatus(nodename="two", pod_cidrs=("10.244.2.0/24",)))
        three = _peer("three", "10.244.3.0/24", "fd44:0:0:3::/64", at=("10.5.0.3", "fd05::3"))
        async with house.running():
            house.put("id-3", three)
            await house.until(lambda: _destinations(house) == set(three.pod_networks))
            listed = near.ask("route", "show", "proto", "73") + near.ask("-6", "route", "show", "proto", "73")
            assert {(each["dst"], each["gateway"]) for each in listed} == {
                ("10.244.3.0/24", "10.5.0.3"),
                ("fd44:0:0:3::/64", "fd05::3"),
            }
            for here, pod in (("10.5.0.2", "10.244.3.1"), ("fd05::2", "fd44:0:0:3::1")):
                with near.udp(here, 0) as sender, far.udp(pod, 0) as receiver:
                    receiver.settimeout(30)
                    sender.sendto(b"hello", receiver.getsockname())
                    assert receiver.recv(10) == b"hello"
            house.drop(PeerNetwork.at("id-3"))
            await house.until(lambda: not _destinations(house))
            assert not house.all(PeerRoute)


def _destinations(house: House) -> set[str]:
    return {r.destination for r in house.all(RouteStatus).values() if r.protocol == 73 and r.destination}
