"""The parts of the Kubernetes control plane."""

from typing import Annotated

from msgspec import field

from core.config.schema.addresses import NegatableCidr, San
from core.config.schema.base import OBSOLETE, REPLACE, Keyed, Object, Obsolete, Section, StringOrList
from core.config.schema.secrets import CertificatePair
from core.config.schema.words import AuthorizerType, ProxyMode


class ExtraVolume(Section, frozen=True):
    """A host folder mounted into the pod."""

    host_path: str = ""
    """Host path."""
    mount_path: str = ""
    """Path in pod."""
    readonly: bool = False
    """Read-only."""


class AdmissionPlugin(Section, frozen=True):
    """Settings of an admission plugin."""

    name: str = ""
    """Plugin name."""
    configuration: Object | None = None
    """Plugin config object."""


class Resources(Section, frozen=True):
    """Requests/limits."""

    requests: Object | None = None
    """Cpu/memory requests."""
    limits: Object | None = None
    """Cpu/memory limits."""


class Authorizer(Section, frozen=True):
    """An authorizer."""

    type: AuthorizerType = ""
    """Node, RBAC, Webhook."""
    name: str = ""
    """Label."""
    webhook: Object | None = None
    """Webhook settings."""


class ApiServer(Section, frozen=True):
    """Kube-apiserver settings."""

    image: str = ""
    """Image."""
    extra_args: dict[str, StringOrList] = field(default_factory=dict)
    """Extra flags."""
    extra_volumes: tuple[ExtraVolume, ...] = ()
    """HostPath volumes."""
    env: dict[str, str] = field(default_factory=dict)
    """Environment."""
    cert_sans: tuple[San, ...] = field(default=(), name="certSANs")
    """Extra serving SANs."""
    disable_pod_security_policy: Annotated[bool | None, OBSOLETE] = None
    """Leftover switch."""
    admission_control: Annotated[tuple[AdmissionPlugin, ...], Keyed(("name",))] = ()
    """Admission plugin configs; merged by name."""
    audit_policy: Annotated[Object | None, REPLACE] = None
    """Audit Policy object (replaced on merge)."""
    resources: Resources = Resources()
    """Requests/limits."""
    authorization_config: tuple[Authorizer, ...] = ()
    """Authorizers in order."""


class ControllerManager(Section, frozen=True):
    """Kube-controller-manager settings."""

    image: str = ""
    """Image."""
    extra_args: dict[str, StringOrList] = field(default_factory=dict)
    """Extra flags."""
    extra_volumes: tuple[ExtraVolume, ...] = ()
    """HostPath volumes."""
    env: dict[str, str] = field(default_factory=dict)
    """Environment."""
    resources: Resources = Resources()
    """Requests/limits."""


class Proxy(Section, frozen=True):
    """Kube-proxy settings."""

    disabled: bool = False
    """Skip kube-proxy."""
    image: str = ""
    """Image."""
    mode: ProxyMode = ""
    """Iptables, ipvs, nftables."""
    extra_args: dict[str, StringOrList] = field(default_factory=dict)
    """Extra flags."""


class Scheduler(Section, frozen=True):
    """Kube-scheduler settings."""

    image: str = ""
    """Image."""
    extra_args: dict[str, StringOrList] = field(default_factory=dict)
    """Extra flags."""
    extra_volumes: tuple[ExtraVolume, ...] = ()
    """HostPath volumes."""
    env: dict[str, str] = field(default_factory=dict)
    """Environment."""
    resources: Resources = Resources()
    """Requests/limits."""
    config: Object | None = None
    """KubeSchedulerConfiguration body."""


class Etcd(Section, frozen=True):
    """Etcd settings (control plane only)."""

    image: str = ""
    """Image."""
    ca: CertificatePair | None = None
    """Etcd CA crt+key; required on control planes."""
    extra_args: dict[str, StringOrList] = field(default_factory=dict)
    """Extra flags; a deny list protects the managed ones."""
    subnet: Annotated[NegatableCidr, Obsolete("advertisedSubnets")] = ""
    """Obsolete single CIDR."""
    advertised_subnets: tuple[NegatableCidr, ...] = ()
    """CIDRs to choose advertised IPs, ! negates."""
    listen_subnets: tuple[NegatableCidr, ...] = ()
    """CIDRs to listen on."""


class CoreDns(Section, frozen=True):
    """CoreDNS deployment."""

    disabled: bool = False
    """Skip CoreDNS."""
    image: str = ""
    """Image override."""
