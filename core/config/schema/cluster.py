"""The cluster section."""

from typing import Annotated

from msgspec import field

from core.config.schema.addresses import Cidr, Hostname, HttpsUrl, Url
from core.config.schema.base import REPLACE, Obsolete, Secret, Section
from core.config.schema.controlplane import ApiServer, ControllerManager, CoreDns, Etcd, Proxy, Scheduler
from core.config.schema.kubelet import Switch
from core.config.schema.numbers import Duration, Port
from core.config.schema.secrets import BootstrapToken, CertificatePair, ClusterSecret, SigningKey, TrustedCertificate
from core.config.schema.words import CniName


class ControlPlane(Section, frozen=True):
    """API endpoint."""

    endpoint: HttpsUrl = ""
    """Canonical https URL of the Kubernetes API."""
    local_api_server_port: Port = field(default=6443, name="localAPIServerPort")
    """Apiserver listen port."""


class Flannel(Section, frozen=True):
    """Flannel options."""

    extra_args: tuple[str, ...] = ()
    """Flanneld flags."""
    kube_network_policies_enabled: bool = False
    """Add kube-network-policies."""


class Cni(Section, frozen=True):
    """CNI choice."""

    name: CniName = "flannel"
    """Flannel, custom, none, native."""
    urls: tuple[Url, ...] = ()
    """Manifests for custom."""
    flannel: Flannel | None = None
    """Flannel options."""


class ClusterNetwork(Section, frozen=True):
    """CNI and CIDRs."""

    cni: Cni = Cni()
    """CNI choice."""
    dns_domain: Hostname = "cluster.local"
    """Cluster DNS domain."""
    pod_subnets: Annotated[tuple[Cidr, ...], REPLACE] = ()
    """Pod CIDRs (replaced on merge)."""
    service_subnets: Annotated[tuple[Cidr, ...], REPLACE] = ()
    """Service CIDRs (replaced on merge)."""


class DiscoveryService(Section, frozen=True):
    """External discovery service."""

    disabled: bool = False
    """Off switch."""
    endpoint: Url = ""
    """URL without path."""


class DiscoveryRegistries(Section, frozen=True):
    """Sources."""

    kubernetes: Switch = Switch()
    """Node annotations registry."""
    service: DiscoveryService = DiscoveryService()
    """External discovery service."""


class Discovery(Section, frozen=True):
    """Member discovery."""

    enabled: bool = False
    """Turn on."""
    registries: DiscoveryRegistries = DiscoveryRegistries()
    """Sources."""


class ExternalCloudProvider(Section, frozen=True):
    """External CCM mode."""

    enabled: bool = False
    """Cloud-provider=external."""
    manifests: tuple[Url, ...] = ()
    """CCM manifest URLs."""


class InlineManifest(Section, frozen=True):
    """A manifest carried in the config."""

    name: str = ""
    """Unique name."""
    contents: str = ""
    """YAML text."""


class AdminKubeconfig(Section, frozen=True):
    """Admin kubeconfig settings."""

    cert_lifetime: Duration | None = None
    """Admin client cert TTL (Go duration)."""


class Cluster(Section, frozen=True):
    """Cluster part."""

    id: str = ""
    """Opaque cluster identifier, never decoded."""
    secret: ClusterSecret = ""
    """Cluster shared secret, base64 of 32 bytes."""
    control_plane: ControlPlane = ControlPlane()
    """API endpoint."""
    cluster_name: str = ""
    """Cluster name."""
    network: ClusterNetwork = ClusterNetwork()
    """CNI and CIDRs."""
    token: BootstrapToken = ""
    """Kubelet bootstrap token, 6.16 chars."""
    aescbc_encryption_secret: Secret = ""
    """AES-CBC key for etcd secrets (old)."""
    secretbox_encryption_secret: Secret = ""
    """Secretbox key for etcd secrets."""
    ca: CertificatePair | None = None
    """Kubernetes CA (ECDSA); key only on control planes."""
    accepted_cas: tuple[TrustedCertificate, ...] = field(default=(), name="acceptedCAs")
    """Extra Kubernetes CAs."""
    aggregator_ca: CertificatePair | None = field(default=None, name="aggregatorCA")
    """Front-proxy CA."""
    service_account: SigningKey | None = None
    """Service-account signing key."""
    api_server: ApiServer = ApiServer()
    """Kube-apiserver settings."""
    controller_manager: ControllerManager = ControllerManager()
    """Kube-controller-manager settings."""
    proxy: Proxy = Proxy()
    """Kube-proxy settings."""
    scheduler: Scheduler = Scheduler()
    """Kube-scheduler settings."""
    discovery: Discovery = Discovery()
    """Member discovery."""
    etcd: Etcd = Etcd()
    """Etcd settings (control plane only)."""
    core_dns: CoreDns = field(default=CoreDns(), name="coreDNS")
    """CoreDNS deployment."""
    external_cloud_provider: ExternalCloudProvider = ExternalCloudProvider()
    """External CCM mode."""
    extra_manifests: tuple[Url, ...] = ()
    """URLs applied at bootstrap."""
    extra_manifest_headers: dict[str, Secret] = field(default_factory=dict)
    """HTTP headers for those URLs."""
    inline_manifests: tuple[InlineManifest, ...] = ()
    """Manifests carried in the config."""
    admin_kubeconfig: AdminKubeconfig = AdminKubeconfig()
    """Admin kubeconfig settings."""
    allow_scheduling_on_masters: Annotated[bool | None, Obsolete("allowSchedulingOnControlPlanes")] = None
    """Old name of allowSchedulingOnControlPlanes."""
    allow_scheduling_on_control_planes: bool = False
    """Drop the control-plane NoSchedule taint."""
