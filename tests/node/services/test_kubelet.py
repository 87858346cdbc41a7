"""The kubelet's files in a folder that stands for the node, and its container as a runtime would be told."""

import asyncio
import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.cluster.kubernetes import kubelet as paths
from core.codec import yaml
from core.node.containers import spec as runtime
from core.node.resources.k8s import KubeletSpec, Mount
from core.node.resources.secrets import Kubelet as Secrets
from core.node.resources.values import Certificate, CertificateAndKey
from core.node.services import kubelet, kubeletfiles, kubeletkey
from core.node.services.kubeletfiles import Places
from tests.node.controllers.secrets.cluster import work
from tests.support.fixtures import kubernetes

SPEC = KubeletSpec(
    image="example.test/kubelet:v1.20.2",
    args=("--v=2",),
    expected_nodename="node-1",
    config={"kind": "KubeletConfiguration"},
)


class Node:
    """A folder, an authority in it, and whatever the kubelet would leave there."""

    def __init__(self, folder: Path) -> None:
        self.places = Places(folder / "root", None)
        self.folder = folder
        self.authority = self.made("kubernetes", "/O=kubernetes")
        self.secrets = Secrets(
            endpoint="https://10.0.0.2:6443",
            accepted_cas=(Certificate(crt=self.authority),),
            bootstrap_token_id="abcdef",
            bootstrap_token_secret="0123456789abcdef",
        )

    def made(self, name: str, subject: str) -> bytes:
        """A certificate by OpenSSL."""
        out = self.folder / name
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{out}.key"]
        subprocess.run(
            ["openssl", "req", "-x509", *key, "-subj", subject, "-out", str(out)], check=True, capture_output=True
        )
        return out.read_bytes()

    def write(self, spec: KubeletSpec = SPEC, secrets: Secrets | None = None) -> None:
        kubeletfiles.write(self.places, spec, secrets or self.secrets)

    def lives(self, name: str = "node-1") -> None:
        """What a kubelet that was approved has made."""
        keys = self.at(paths.PKI)
        keys.mkdir(parents=True, exist_ok=True)
        (keys / "kubelet-client-current.pem").write_bytes(self.made("client", f"/O=system:nodes/CN=system:node:{name}"))
        for serving in ("kubelet.crt", "kubelet.key"):
            (keys / serving).touch()
        self.at(paths.KUBECONFIG).write_bytes(self.at(paths.BOOTSTRAP).read_bytes())

    def at(self, path: str) -> Path:
        return self.places.at(path)

    def cluster(self, path: str) -> Mapping[str, Any]:
        found: Any = yaml.load(self.at(path).read_bytes())
        cluster: Mapping[str, Any] = found["clusters"][0]["cluster"]
        return cluster


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_kubelet_that_is_new_finds_how_to_ask_for_a_certificate(node: Node) -> None:
    node.write()
    assert node.at(paths.AUTHORITIES).read_bytes() == node.authority
    assert yaml.load(node.at(paths.CONFIG).read_bytes()) == SPEC.config
    found: Any = yaml.load(node.at(paths.BOOTSTRAP).read_bytes())
    assert found["users"][0]["user"] == {"token": "abcdef.0123456789abcdef"}
    assert node.cluster(paths.BOOTSTRAP)["server"] == "https://10.0.0.2:6443"
    assert [node.at(path).stat().st_mode & 0o777 for path in (paths.BOOTSTRAP, paths.CONFIG)] == [0o600, 0o600]
    assert node.at(paths.MANIFESTS).is_dir()
    assert not node.at(paths.KUBECONFIG).exists()


def test_kubectl_reads_what_the_kubelet_is_given(node: Node) -> None:
    node.write()

    view = [
        str(kubernetes.kubectl()),
        "config",
        "view",
        "--raw",
        "-o",
        "json",
        f"--kubeconfig={node.at(paths.BOOTSTRAP)}",
    ]
    said = json.loads(subprocess.run(view, check=True, capture_output=True).stdout)
    assert said["current-context"] == said["contexts"][0]["name"]


def test_keys_stay_over_restarts_but_for_the_one_that_it_signs_itself(node: Node) -> None:
    node.write()
    node.lives()
    before = node.at(paths.KUBECONFIG).read_bytes()
    node.write()
    assert kubeletfiles.client_name(node.places) == "node-1"
    assert node.at(paths.KUBECONFIG).read_bytes() == before
    assert [path.name for path in node.at(paths.PKI).iterdir()] == ["kubelet-client-current.pem"]


def test_another_nodes_certificate_goes_with_its_kubeconfig(node: Node) -> None:
    node.write()
    node.lives("node-9")
    node.write()
    assert not node.at(paths.KUBECONFIG).exists()
    assert not node.at(paths.PKI).exists()


def test_another_clusters_certificate_goes_too(node: Node) -> None:
    node.write()
    node.lives()
    other = Certificate(crt=node.made("other", "/O=kubernetes"))
    node.write(secrets=msgspec.structs.replace(node.secrets, accepted_cas=(other, *node.secrets.accepted_cas)))
    assert node.at(paths.KUBECONFIG).exists()  # while its own is among them
    node.at(paths.AUTHORITIES).write_bytes(node.authority)
    node.write(secrets=msgspec.structs.replace(node.secrets, accepted_cas=(other,)))
    assert not node.at(paths.KUBECONFIG).exists()


def test_the_kubelets_own_kubeconfig_follows_the_endpoint(node: Node) -> None:
    node.write()
    node.lives()
    moved = msgspec.structs.replace(
        node.secrets, endpoint="https://127.0.0.1:7445", endpoint_tls_server_name="api.example.org"
    )
    node.write(secrets=moved)
    cluster = node.cluster(paths.KUBECONFIG)
    assert (cluster["server"], cluster["tls-server-name"]) == ("https://127.0.0.1:7445", "api.example.org")
    found: Any = yaml.load(node.at(paths.KUBECONFIG).read_bytes())
    assert found["users"][0]["name"] == "kubelet"


def test_a_kubeconfig_that_is_none_is_made_anew_by_the_kubelet(node: Node) -> None:
    node.write()
    node.lives()
    node.at(paths.KUBECONFIG).write_bytes(b"{")
    node.write()
    assert not node.at(paths.KUBECONFIG).exists()


@pytest.mark.parametrize(
    ("noted", "policy", "stays"),
    [
        ('{"policyName": "static"}', "static", True),
        ('{"policyName": "None"}', None, True),
        ('{"policyName": "static"}', None, False),
        ("{", "static", False),
    ],
)
def test_notes_of_another_policy_go(node: Node, noted: str, policy: str | None, stays: bool) -> None:
    state = node.at(paths.DATA) / "cpu_manager_state"
    state.parent.mkdir(parents=True)
    state.write_text(noted)
    config = {} if policy is None else {"cpuManagerPolicy": policy}
    node.write(msgspec.structs.replace(SPEC, config=config))
    assert state.exists() is stays


def test_its_container_is_the_node_but_for_its_programs() -> None:
    mount = Mount(destination="/data", source="/var/data", options=("bind", "rw"))
    choices = kubelet.choices(msgspec.structs.replace(SPEC, extra_mounts=(mount,)), ["/etc/hosts"])
    told = json.loads(runtime.build(choices, frozenset({"CAP_SYS_ADMIN", "CAP_SYS_BOOT"})))
    assert told["process"]["args"] == ["/usr/local/bin/kubelet", "--v=2"]
    assert told["process"]["capabilities"]["effective"] == ["CAP_SYS_ADMIN"]
    assert {entry["type"] for entry in told["linux"]["namespaces"]} == {"mount", "ipc", "uts"}
    assert told["linux"]["rootfsPropagation"] == "shared"
    mounts = {entry["destination"]: entry for entry in told["mounts"]}
    assert len(mounts) == len(told["mounts"])
    assert (mounts["/proc"]["source"], mounts["/proc"]["type"]) == ("/proc", "bind")
    assert "rshared" in mounts["/var/lib/kubelet"]["options"]
    assert (mounts["/data"]["source"], mounts["/data"]["options"]) == ("/var/data", ["bind", "rw"])
    assert "/dev/pts" not in mounts  # the node's own come with /dev


def test_a_control_planes_kubelet_is_given_its_first_certificate(node: Node) -> None:
    """As OpenSSL judges it, in the place and by the link that the kubelet keeps."""
    node.write()
    assert kubeletkey.missing(node.places)
    key = (node.folder / "kubernetes.key").read_bytes()
    authority = CertificateAndKey(crt=node.authority, key=key)
    made = asyncio.run(kubeletkey.make(work, authority, "node-1", time.time(), 3600))
    kubeletkey.put(node.places, made, node.secrets, time.time())
    node.write()  # as the next start does, which finds nothing to mend
    assert not kubeletkey.missing(node.places)
    shown = node.at(paths.PKI) / "kubelet-client-current.pem"
    assert shown.is_symlink()
    assert shown.stat().st_mode & 0o777 == 0o600
    verify = ["openssl", "verify", "-purpose", "sslclient", "-CAfile", str(node.at(paths.AUTHORITIES)), str(shown)]
    assert subprocess.run(verify, check=True, capture_output=True, text=True).stdout.endswith(": OK\n")
    subject = subprocess.run(
        ["openssl", "x509", "-noout", "-subject", "-in", str(shown)], check=True, capture_output=True, text=True
    ).stdout
    assert subject == "subject=O = system:nodes, CN = system:node:node-1\n"
    assert node.cluster(paths.KUBECONFIG) == node.cluster(paths.BOOTSTRAP)
    found: Any = yaml.load(node.at(paths.KUBECONFIG).read_bytes())
    assert set(found["users"][0]["user"].values()) == {"/var/lib/kubelet/pki/kubelet-client-current.pem"}
