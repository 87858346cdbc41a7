"""Making a cluster's files: secrets, machine configs, client config. Machine configs follow from the secrets and the
options alone, byte for byte. Loads `cryptography`, so it is for the operator's machine and for workers."""

import base64
import secrets
import string
from typing import Final

import msgspec

from core.base.errors import Invalid
from core.codec.yaml import dump
from core.config import client, images
from core.config.bundle import Bundle, Certificates, ClusterIdentity, Secrets, TrustdInfo
from core.config.schema.addresses import split_url
from core.config.schema.secrets import CertificatePair, SigningKey
from core.pki import issue, keys
from core.pki.types import OPERATOR_LIFETIME, Algorithm, Authority, Client, Pair

POD_SUBNETS: Final = ("10.244.0.0/16",)
SERVICE_SUBNETS: Final = ("10.96.0.0/12",)
_LETTERS: Final = string.ascii_lowercase + string.digits
_NO_BALANCER: Final = "node.kubernetes.io/exclude-from-external-load-balancers"

Tree = dict[str, object]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a cluster is to be."""

    name: str
    endpoint: str
    kubernetes: str = images.KUBERNETES
    install_disk: str = "/dev/sda"
    install_image: str = ""
    dns_domain: str = "cluster.local"
    additional_sans: tuple[str, ...] = ()
    registry_mirrors: tuple[tuple[str, str], ...] = ()
    discovery: bool = True
    kubespan: bool = False


def new_secrets(now: float) -> Bundle:
    """Fresh secrets; takes seconds, for the RSA key."""
    return Bundle(
        cluster=ClusterIdentity(id=_random(), secret=_random()),
        secrets=Secrets(bootstrap_token=token(), secretbox_encryption_secret=_random()),
        trustd=TrustdInfo(token=token()),
        certs=Certificates(
            etcd=_authority(now, Algorithm.P256, "etcd"),
            k8s=_authority(now, Algorithm.P256, "kubernetes"),
            aggregator=_authority(now, Algorithm.P256, ""),
            service_account=SigningKey(key=keys.dump(keys.new(Algorithm.RSA4096))),
            os=_authority(now, Algorithm.ED25519, "talos"),
        ),
    )


def token() -> str:
    """Six and sixteen random letters or digits."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(22))
    return f"{letters[:6]}.{letters[6:]}"


def control_plane(bundle: Bundle, options: Options) -> bytes:
    """A control plane's machine config. Raises Invalid."""
    machine, cluster = _common(bundle, options)
    certs, version = bundle.certs, options.kubernetes
    machine["type"] = "controlplane"
    machine["ca"] = _pair(certs.os)
    machine["nodeLabels"] = {_NO_BALANCER: ""}
    cluster |= {
        "ca": _pair(certs.k8s),
        "secretboxEncryptionSecret": bundle.secrets.secretbox_encryption_secret,
        "aggregatorCA": _pair(certs.aggregator),
        "serviceAccount": {"key": _text(certs.service_account.key)},
        "apiServer": {"image": images.program("kube-apiserver", version), "certSANs": _server_names(options)},
        "controllerManager": {"image": images.program("kube-controller-manager", version)},
        "proxy": {"image": images.program("kube-proxy", version)},
        "scheduler": {"image": images.program("kube-scheduler", version)},
        "etcd": {"ca": _pair(certs.etcd)},
    }
    return dump({"version": "v1alpha1", "machine": machine, "cluster": cluster})


def worker(bundle: Bundle, options: Options) -> bytes:
    """A worker's machine config: no authority's key is in it. Raises Invalid."""
    machine, cluster = _common(bundle, options)
    return dump({"version": "v1alpha1", "machine": machine, "cluster": cluster})


def client_config(bundle: Bundle, options: Options, now: float) -> client.ClientConfig:
    """An administrator's client config with a new key, good for 90 days."""
    authority = bundle.certs.os
    issued = issue.client(Client(now, Pair(authority.crt, authority.key), ("os:admin",), lifetime=OPERATOR_LIFETIME))
    context = client.Context(ca=authority.crt, crt=issued.crt, key=issued.key)
    return client.ClientConfig(context=options.name, contexts={options.name: context})


def _common(bundle: Bundle, options: Options) -> tuple[Tree, Tree]:
    """The machine and cluster sections a worker gets."""
    host = split_url(options.endpoint)
    if host.scheme != "https":
        raise Invalid(f"{options.endpoint} is not an https URL", remedy="write it like https://10.0.0.1:6443")
    install: Tree = {"disk": options.install_disk, "wipe": False}
    if options.install_image:
        install["image"] = options.install_image
    machine: Tree = {
        "type": "worker",
        "token": bundle.trustd.token,
        "ca": {"crt": _text(bundle.certs.os.crt)},
        "certSANs": list(options.additional_sans),
        "kubelet": {
            "image": f"ghcr.io/siderolabs/kubelet:v{options.kubernetes}",
            "defaultRuntimeSeccompProfileEnabled": True,
            "disableManifestsDirectory": True,
        },
        "network": {"kubespan": {"enabled": True}} if options.kubespan else {},
        "install": install,
        "features": {
            "diskQuotaSupport": True,
            "kubePrism": {"enabled": True, "port": 7445},
            "hostDNS": {"enabled": True, "forwardKubeDNSToHost": True},
        },
    }
    if options.registry_mirrors:
        mirrors = {registry: {"endpoints": [url]} for registry, url in options.registry_mirrors}
        machine["registries"] = {"mirrors": mirrors}
    return machine, _cluster(bundle, options)


def _cluster(bundle: Bundle, options: Options) -> Tree:
    return {
        "id": bundle.cluster.id,
        "secret": bundle.cluster.secret,
        "controlPlane": {"endpoint": options.endpoint},
        "clusterName": options.name,
        "network": {
            "dnsDomain": options.dns_domain,
            "podSubnets": list(POD_SUBNETS),
            "serviceSubnets": list(SERVICE_SUBNETS),
        },
        "token": bundle.secrets.bootstrap_token,
        "ca": {"crt": _text(bundle.certs.k8s.crt)},
        "discovery": {
            "enabled": options.discovery,
            "registries": {"kubernetes": {"disabled": True}, "service": {}},
        },
    }


def _server_names(options: Options) -> list[str]:
    host = split_url(options.endpoint).hostname or ""
    return list(dict.fromkeys((host, *options.additional_sans)))


def _authority(now: float, algorithm: Algorithm, organization: str) -> CertificatePair:
    pair = issue.authority(Authority(now, algorithm, organization))
    return CertificatePair(crt=pair.crt, key=pair.key)


def _pair(pair: CertificatePair) -> Tree:
    return {"crt": _text(pair.crt), "key": _text(pair.key)}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _random() -> str:
    return _text(secrets.token_bytes(32))
