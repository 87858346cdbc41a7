"""Keys and certificates. Every type is sensitive; none of it is ever written to a log or an event."""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.node.resources.values import Base64, Certificate, CertificateAndKey, Key
from core.state import Spec, resource


@resource("OSRootSecrets.secrets.talos.dev", "secrets", sensitive=True)
class OSRoot(Spec, frozen=True):
    """The authority of this API, from the config (id `os`). A worker has no key of the issuing authority."""

    issuing_ca: CertificateAndKey | None = msgspec.field(name="issuingCA", default=None)
    accepted_cas: tuple[Certificate, ...] = msgspec.field(name="acceptedCAs", default=())
    cert_san_ips: tuple[str, ...] = msgspec.field(name="certSANIPs", default=())
    cert_san_dns_names: tuple[str, ...] = msgspec.field(name="certSANDNSNames", default=())
    token: str = ""


@resource("MaintenanceRootSecrets.secrets.talos.dev", "secrets", sensitive=True)
class MaintenanceRoot(Spec, frozen=True):
    """The authority of a node without config, new at each boot (id `maintenance`)."""

    ca: CertificateAndKey


@resource("CertSANs.secrets.talos.dev", "secrets", sensitive=True)
class CertSAN(Spec, frozen=True):
    """Names and addresses that a server certificate covers (id `api`, `maintenance`, `k8s`)."""

    ips: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    fqdn: str = ""


@resource("ApiCertificates.secrets.talos.dev", "secrets", sensitive=True)
class APICerts(Spec, frozen=True):
    """What apid serves with (id `api`); `client` is for forwarding, control plane only."""

    server: CertificateAndKey
    client: CertificateAndKey | None = None
    accepted_cas: tuple[Certificate, ...] = msgspec.field(name="acceptedCAs", default=())
    skip_verifying_client_cert: bool = False


@resource("TrustdCertificates.secrets.talos.dev", "secrets", sensitive=True)
class TrustdCerts(Spec, frozen=True):
    """What trustd serves with (id `trustd`)."""

    server: CertificateAndKey
    accepted_cas: tuple[Certificate, ...] = msgspec.field(name="acceptedCAs", default=())


@resource("EtcdRootSecrets.secrets.talos.dev", "secrets", sensitive=True)
class EtcdRoot(Spec, frozen=True):
    """etcd's authority, from the config (id `etcd`); control planes alone."""

    etcd_ca: CertificateAndKey = msgspec.field(name="etcdCA")


@resource("EtcdSecrets.secrets.talos.dev", "secrets", sensitive=True)
class Etcd(Spec, frozen=True):
    """What etcd serves with, speaks to its peers with, is administered with, and is used with by kube-apiserver (id
    `etcd`)."""

    etcd: CertificateAndKey
    etcd_peer: CertificateAndKey
    etcd_admin: CertificateAndKey
    etcd_api_server: CertificateAndKey = msgspec.field(name="etcdAPIServer")


@resource("KubernetesRootSecrets.secrets.talos.dev", "secrets", sensitive=True)
class KubernetesRoot(Spec, frozen=True, kw_only=True):
    """Kubernetes' authorities, keys and names, from the config (id `k8s`); control planes alone. `accepted_cas` and the
    like hold the issuing one, too; `endpoint` is the cluster's, `local_endpoint` this node's own API server."""

    name: str
    endpoint: str
    local_endpoint: str = msgspec.field(name="local_endpoint")
    cert_sans: tuple[str, ...] = msgspec.field(name="certSANs", default=())
    api_server_ips: tuple[str, ...] = msgspec.field(name="apiServerIPs", default=())
    dns_domain: str = ""
    issuing_ca: CertificateAndKey = msgspec.field(name="issuingCA")
    accepted_cas: tuple[Certificate, ...] = msgspec.field(name="acceptedCAs", default=())
    aggregator_ca: CertificateAndKey = msgspec.field(name="aggregatorCA")
    accepted_aggregator_cas: tuple[Certificate, ...] = msgspec.field(name="acceptedAggregatorCAs", default=())
    service_account: Key
    service_account_accepted_keys: tuple[Key, ...] = ()
    issuer_url: str = msgspec.field(name="issuerURL", default="")
    accepted_issuers: tuple[str, ...] = ()
    api_audiences: tuple[str, ...] = ()
    aescbc_encryption_secret: str = msgspec.field(name="aesCBCEncryptionSecret", default="")
    bootstrap_token_id: str = msgspec.field(name="bootstrapTokenID", default="")
    bootstrap_token_secret: str = ""
    secretbox_encryption_secret: str = ""
    etcd_encryption_config: Mapping[str, Any] | None = None


@resource("KubernetesSecrets.secrets.talos.dev", "secrets", sensitive=True)
class Kubernetes(Spec, frozen=True):
    """Kubeconfigs, as YAML (id `k8s-certs`). `localhost_admin` asks this node's own API server, `admin` the cluster's
    endpoint."""

    scheduler_kubeconfig: str
    controller_manager_kubeconfig: str
    localhost_admin_kubeconfig: str
    admin_kubeconfig: str


@resource("KubernetesDynamicCerts.secrets.talos.dev", "secrets", sensitive=True)
class KubernetesDynamicCerts(Spec, frozen=True):
    """What kube-apiserver serves with, asks kubelets with, and speaks to aggregated servers with (id
    `k8s-dynamic-certs`)."""

    api_server: CertificateAndKey
    api_server_kubelet_client: CertificateAndKey
    front_proxy: CertificateAndKey


@resource("KubeletSecrets.secrets.talos.dev", "secrets", sensitive=True)
class Kubelet(Spec, frozen=True):
    """What a kubelet needs to ask for a certificate of its own (id `kubelet`)."""

    endpoint: str
    endpoint_tls_server_name: str = msgspec.field(name="endpointTLSServerName", default="")
    accepted_cas: tuple[Certificate, ...] = msgspec.field(name="acceptedCAs", default=())
    bootstrap_token_id: str = msgspec.field(name="bootstrapTokenID", default="")
    bootstrap_token_secret: str = ""


@resource("EncryptionSalts.secrets.talos.dev", "secrets", sensitive=True)
class EncryptionSalt(Spec, frozen=True):
    """Salt of disk keys made from the node's identity (id `salt`)."""

    disk_salt: Base64
