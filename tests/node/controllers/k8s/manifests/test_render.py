"""What a cluster is given, held to a real apiserver: it takes every object, and finds in each what was meant."""

import json
from typing import Any

import pytest

from core.codec import yaml
from core.config import generate
from core.config.generate import Options
from core.config.load import load
from core.config.merge import merge_text
from core.node.controllers.k8s.manifests import Manifests, bootstrap_config, extra_config
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import BootstrapManifestsConfig, ExtraManifest, ExtraManifestsConfig, Manifest
from core.node.resources.secrets import KubernetesRoot
from core.node.resources.values import CertificateAndKey, Key
from tests.node.controllers.house import House
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock, on_loop, settle

SECRETS = generate.new_secrets(1_700_000_000.0)
OPTIONS = Options(name="c", endpoint="https://10.0.0.2:6443", kubernetes="1.20.2")
PAIR = CertificateAndKey(crt=b"", key=b"")
ROOT = KubernetesRoot(
    name="c",
    endpoint="https://10.0.0.2:6443",
    local_endpoint="https://localhost:6443",
    issuing_ca=PAIR,
    aggregator_ca=PAIR,
    service_account=Key(),
    bootstrap_token_id="abcdef",
    bootstrap_token_secret="0123456789abcdef",
)


async def house(change: dict[str, Any] | None = None, *, leads: bool = True) -> House:
    """The controllers, with a config that is changed."""
    text = generate.control_plane(SECRETS, OPTIONS) if leads else generate.worker(SECRETS, OPTIONS)
    if change is not None:
        text = merge_text(load(text), yaml.dump(change))
    made = House(FakeClock(), [bootstrap_config("proxy:v1.37.0", "dns:1", "flannel:1"), extra_config(), Manifests()])
    made.put("v1alpha1", MachineConfig(yaml_marshalled=text))
    made.put("k8s", ROOT)
    async with made.running():
        await settle()
    return made


def objects(house: House) -> list[Any]:
    """All of them, in order."""
    found = house.all(Manifest)
    return [dict(item.object) for id_ in sorted(found) for item in found[id_].items]


DUAL = {"podSubnets": ["10.244.0.0/16", "fd00:1::/56"], "serviceSubnets": ["10.96.0.0/16", "fd00:2::/112"]}


@pytest.mark.parametrize("network", [{}, DUAL, {"cni": {"name": "none"}}])
@on_loop
async def test_an_apiserver_takes_every_object(apiserver: ApiServer, network: dict[str, Any]) -> None:
    made = objects(await house({"cluster": {"network": network}}))
    if network is DUAL:  # this apiserver has one family of services
        made = [each for each in made if each["kind"] != "Service"]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": made})
    told = apiserver.kubectl("apply", "--server-side", "--dry-run=server", "--validate=true", "-f", "-", stdin=text)
    assert len(told.splitlines()) == len(made)


@on_loop
async def test_what_the_config_says_is_in_them() -> None:
    node = await house(
        {"cluster": {"proxy": {"mode": "ipvs", "extraArgs": {"v": "4", "nodeport-addresses": ["a", "b"]}}}}
    )
    config = node.all(BootstrapManifestsConfig)["manifests"]
    assert config.server == "https://127.0.0.1:7445"
    assert (config.dns_service_ip, config.dns_service_ipv6) == ("10.96.0.10", "")
    assert config.proxy_args == (
        "--cluster-cidr=10.244.0.0/16",
        "--conntrack-max-per-core=0",
        "--hostname-override=$(NODE_NAME)",
        "--kubeconfig=/etc/kubernetes/kubeconfig",
        "--nodeport-addresses=a",
        "--nodeport-addresses=b",
        "--proxy-mode=ipvs",
        "--v=4",
    )
    found = {(each["kind"], each["metadata"]["name"]): each for each in objects(node)}
    proxy = found["DaemonSet", "kube-proxy"]["spec"]["template"]["spec"]["containers"][0]
    assert proxy["image"] == "registry.k8s.io/kube-proxy:v1.20.2"
    assert proxy["command"][1:] == list(config.proxy_args)
    assert found["Service", "kube-dns"]["spec"]["clusterIP"] == "10.96.0.10"
    assert "server: https://127.0.0.1:7445" in found["ConfigMap", "kubeconfig-in-cluster"]["data"]["kubeconfig"]
    assert list(node.all(Manifest)) == [
        "00-kubelet-bootstrapping-token",
        "01-csr-node-bootstrap",
        "02-node-rbac",
        "05-flannel",
        "10-kube-proxy",
        "11-core-dns",
        "11-core-dns-svc",
        "11-kube-config-in-cluster",
    ]


@on_loop
async def test_what_is_switched_off_is_not_there() -> None:
    off = {"proxy": {"disabled": True}, "coreDNS": {"disabled": True}, "network": {"cni": {"name": "none"}}}
    assert list((await house({"cluster": off})).all(Manifest)) == [
        "00-kubelet-bootstrapping-token",
        "01-csr-node-bootstrap",
        "02-node-rbac",
        "11-kube-config-in-cluster",
    ]


@on_loop
async def test_a_worker_gives_nothing() -> None:
    node = await house(leads=False)
    assert not node.all(BootstrapManifestsConfig)
    assert not node.all(ExtraManifestsConfig)
    assert not node.all(Manifest)


@on_loop
async def test_the_newest_kube_proxy_is_told_the_newest_mode() -> None:
    node = await house({"cluster": {"proxy": {"image": "registry.k8s.io/kube-proxy:v1.34.1"}}})
    assert "--proxy-mode=nftables" in node.all(BootstrapManifestsConfig)["manifests"].proxy_args


@on_loop
async def test_manifests_of_the_configs_own_have_their_turn() -> None:
    cluster = {
        "network": {"cni": {"name": "custom", "urls": ["https://a/net.yaml"]}},
        "externalCloudProvider": {"enabled": True, "manifests": ["https://a/cloud.yaml"]},
        "extraManifests": ["https://a/more.yaml"],
        "extraManifestHeaders": {"Authorization": "secret"},
        "inlineManifests": [{"name": "mine", "contents": "kind: Namespace"}],
    }
    assert (await house({"cluster": cluster})).all(ExtraManifestsConfig)["extra-manifests"].extra_manifests == (
        ExtraManifest(name="https://a/net.yaml", url="https://a/net.yaml", priority="05"),
        ExtraManifest(name="https://a/cloud.yaml", url="https://a/cloud.yaml", priority="30"),
        ExtraManifest(
            name="https://a/more.yaml",
            url="https://a/more.yaml",
            priority="99",
            extra_headers={"Authorization": "secret"},
        ),
        ExtraManifest(name="mine", priority="99", inline_manifest="kind: Namespace"),
    )
