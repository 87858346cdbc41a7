"""Specs on the wire: the YAML that clients print and the messages that programs read."""

import base64
import ipaddress
from typing import Any

import yaml
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from core.node.api.resource import to_message, to_plain, to_resource, to_yaml, tombstone
from core.node.api.resource.metadata import KEPT
from core.node.resources import cluster, config, etcd, files, k8s, network, runtime, secrets, services
from core.node.resources.values import Certificate, CertificateAndKey, Key
from core.rpc.pb.resource.config import config_pb2
from core.rpc.pb.resource.definitions.cluster import cluster_pb2
from core.rpc.pb.resource.definitions.etcd import etcd_pb2
from core.rpc.pb.resource.definitions.k8s import k8s_pb2
from core.rpc.pb.resource.definitions.network import network_pb2
from core.rpc.pb.resource.definitions.runtime import runtime_pb2
from core.rpc.pb.resource.definitions.secrets import secrets_pb2
from core.rpc.pb.v1alpha1 import meta_pb2
from core.state import Pointer, Resource, Spec
from core.state.meta import describe


def carried(spec: Spec, kind: Any) -> Any:
    """What a client that has the message's definition reads."""
    message = to_message(spec)
    assert message is not None
    return kind.FromString(message.SerializeToString())


def test_a_link() -> None:
    spec = network.LinkStatus(
        index=3,
        type=network.LinkType.ETHER,
        hardware_addr="02:00:00:00:00:ff",
        operational_state=network.OperationalState.UP,
        vlan=network.Vlan(vid=5),
        alt_names=("a", "b"),
    )
    shown: Any = to_plain(spec)
    assert (shown["hardwareAddr"], shown["operationalState"], shown["altNames"]) == (
        "02:00:00:00:00:ff",
        "up",
        ["a", "b"],
    )
    assert shown["vlan"] == {"vlanID": 5, "vlanProtocol": "802.1q"}
    assert "veth" not in shown
    message = carried(spec, network_pb2.LinkStatusSpec)
    assert (message.hardware_addr, message.operational_state) == (b"\x02\0\0\0\0\xff", 6)
    assert (message.vlan.vid, message.vlan.protocol) == (5, 0x8100)
    assert not message.HasField("veth")


def test_a_default_route() -> None:
    spec = network.RouteSpec(gateway="fe80::1", family=network.Family.INET6, table=network.Table(7))
    message = carried(spec, network_pb2.RouteSpecSpec)
    assert not message.HasField("destination")
    assert (message.gateway.ip, message.table) == (ipaddress.ip_address("fe80::1").packed, 7)


@given(st.ip_addresses(), st.data())
def test_addresses(address: ipaddress.IPv4Address | ipaddress.IPv6Address, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, address.max_prefixlen))
    spec = network.AddressStatus(address=f"{address}/{length}", local=str(address))
    message = carried(spec, network_pb2.AddressStatusSpec)
    assert (message.address.ip, message.address.prefix_length) == (address.packed, length)
    assert message.local.ip == address.packed


@given(st.integers(0, 10**12))
def test_spans(microseconds: int) -> None:
    spec = runtime.WatchdogTimerConfig(device="/dev/watchdog0", timeout=microseconds / 10**6)
    message = carried(spec, runtime_pb2.WatchdogTimerConfigSpec)
    assert message.timeout.ToMicroseconds() == microseconds


def test_spans_and_moments_in_yaml() -> None:
    assert to_plain(runtime.WatchdogTimerConfig(device="d", timeout=90.5)) == {"device": "d", "timeout": "1m30.5s"}
    bad = runtime.BadBlock(block=7, file="/usr/bin/x", found=1_000_000_000.25)
    shown: Any = to_plain(runtime.IntegrityStatus(bad_blocks=(bad, runtime.BadBlock(block=8))))
    assert [b["found"] for b in shown["badBlocks"]] == ["2001-09-09T01:46:40.250000Z", "0001-01-01T00:00:00Z"]
    assert to_message(runtime.IntegrityStatus()) is None


def test_a_machine_config_is_its_text() -> None:
    text = b"version: v1alpha1\nmachine:\n  type: worker\n---\nkind: Other\n"
    spec = config.MachineConfig(yaml_marshalled=text)
    assert yaml.safe_load(to_yaml(spec)) == text.decode()
    assert carried(spec, config_pb2.MachineConfigSpec).yaml_marshalled == text
    assert to_resource(Resource.of("v1alpha1", spec)).metadata.annotations  # what clients know it for text by
    kind = config.MachineTypeSpec(machine_type=config.MachineType.CONTROLPLANE)
    assert to_yaml(kind) == "controlplane\n"
    assert carried(kind, config_pb2.MachineTypeSpec).machine_type == config_pb2.CONTROL_PLANE


def test_secrets_are_base64_in_yaml() -> None:
    spec = secrets.APICerts(server=CertificateAndKey(crt=b"crt", key=b"key"), accepted_cas=(Certificate(crt=b"ca"),))
    assert to_plain(spec) == {
        "server": {"crt": "Y3J0", "key": "a2V5"},
        "acceptedCAs": [{"crt": "Y2E="}],
        "skipVerifyingClientCert": False,
    }
    message = carried(spec, secrets_pb2.APICertsSpec)
    assert (message.server.key, message.accepted_c_as[0].crt) == (b"key", b"ca")
    assert not message.HasField("client")


@given(st.binary())
def test_file_contents_are_text_where_they_can_be(contents: bytes) -> None:
    shown: Any = to_plain(files.EtcFileSpec(contents=contents))
    try:
        assert shown["contents"] == contents.decode()
    except UnicodeDecodeError:
        assert base64.b64decode(shown["contents"]) == contents


def test_maps() -> None:
    spec = runtime.PlatformMetadata(platform="container", tags={"a": "b"})
    shown: Any = to_plain(spec)
    assert shown["tags"] == {"a": "b"}
    assert dict(carried(spec, runtime_pb2.PlatformMetadataSpec).tags) == {"a": "b"}


def test_a_resource_definition_is_found_by_any_alias() -> None:
    spec = describe(services.Service.definition).spec
    message = carried(spec, meta_pb2.ResourceDefinitionSpec)
    assert {"svc", "services", "service", "services.v1alpha1.talos"} <= set(message.all_aliases)
    assert (message.default_namespace, message.display_type) == ("runtime", "Service")
    assert (message.print_columns[0].name, message.print_columns[0].json_path) == ("Running", "{.running}")
    assert message.sensitivity == meta_pb2.ResourceDefinitionSpec.NON_SENSITIVE
    hidden = carried(describe(secrets.OSRoot.definition).spec, meta_pb2.ResourceDefinitionSpec)
    assert hidden.sensitivity == meta_pb2.ResourceDefinitionSpec.SENSITIVE


@given(st.text())
def test_yaml_reads_back(text: str) -> None:
    """With PyYAML as the other reader; it refuses what YAML cannot hold, and so may we."""
    spec = network.HostnameStatus(hostname=text.encode("ascii", "ignore").decode())
    assert yaml.safe_load(to_yaml(spec)) == to_plain(spec)


def test_what_is_not_there() -> None:
    message = tombstone(Pointer("network", "Links", "eth0"))
    assert (message.metadata.version, message.metadata.id, message.spec.yaml_spec) == ("undefined", "eth0", "")
    assert to_resource(Resource.of("x", runtime.RebootRequest())).spec.yaml_spec == "{}\n"


def test_what_many_ask_for_is_made_once_and_secrets_are_not_kept() -> None:
    link = Resource.of("eth0", network.HostnameStatus(hostname="a"))
    assert to_resource(link) is to_resource(link)
    assert to_resource(link) is not to_resource(Resource.of("eth0", network.HostnameStatus(hostname="b")))
    many = [Resource.of(str(number), network.HostnameStatus(hostname=str(number))) for number in range(KEPT)]
    texts = [to_resource(resource).spec.yaml_spec for resource in many]
    assert len(set(texts)) == KEPT
    assert [to_resource(resource).spec.yaml_spec for resource in many] == texts
    secret = Resource.of("api", secrets.APICerts(server=CertificateAndKey(crt=b"crt", key=b"key")))
    assert to_resource(secret) is not to_resource(secret)


def test_objects_of_kubernetes() -> None:
    pod = {"kind": "Pod", "spec": {"hostNetwork": True, "containers": [{"name": "a", "ports": [{"n": 1}], "x": None}]}}
    assert to_plain(k8s.StaticPod(pod=pod)) == pod
    assert json_format.MessageToDict(carried(k8s.StaticPod(pod=pod), k8s_pb2.StaticPodSpec).pod) == pod
    manifest = k8s.Manifest(items=(k8s.SingleManifest(object=pod),))
    assert to_plain(manifest) == [pod]
    assert json_format.MessageToDict(carried(manifest, k8s_pb2.ManifestSpec).items[0].object) == pod
    root = kubernetes_root(etcd_encryption_config={"kind": "EncryptionConfiguration"})
    assert carried(root, secrets_pb2.KubernetesRootSpec).etcd_encryption_config["kind"] == "EncryptionConfiguration"
    assert not carried(kubernetes_root(), secrets_pb2.KubernetesRootSpec).HasField("etcd_encryption_config")


def kubernetes_root(**changes: Any) -> secrets.KubernetesRoot:
    pair = CertificateAndKey(crt=b"c", key=b"k")
    whole = {"name": "c", "endpoint": "https://c:6443", "local_endpoint": "https://localhost:6443", "issuing_ca": pair}
    whole |= {"aggregator_ca": pair, "service_account": Key(key=b"k")}
    return secrets.KubernetesRoot(**{**whole, **changes})


def test_flags_given_more_than_once() -> None:
    spec = etcd.EtcdSpec(name="n", extra_args={"listen": ("a", "b")}, advertised_addresses=("10.0.0.2",))
    message = carried(spec, etcd_pb2.SpecSpec)
    assert list(message.extra_args["listen"].values) == ["a", "b"]
    assert yaml.safe_load(to_yaml(spec))["extraArgs"] == {"listen": ["a", "b"]}


def test_an_affiliate_in_the_mesh() -> None:
    span = cluster.KubeSpanAffiliate(public_key="p", address="fd00::1", endpoints=("10.0.0.2:51820", "[fd00::2]:1"))
    message = carried(cluster.Affiliate(node_id="n", kube_span=span), cluster_pb2.AffiliateSpec)
    assert [(e.ip, e.port) for e in message.kube_span.endpoints] == [
        (ipaddress.ip_address("10.0.0.2").packed, 51820),
        (ipaddress.ip_address("fd00::2").packed, 1),
    ]
