"""The kubelet and the switches of the control plane's pods."""

from msgspec import field

from core.config.schema.addresses import Ip, NegatableCidr
from core.config.schema.base import Object, Section, StringOrList
from core.config.schema.numbers import UInt32


class Switch(Section, frozen=True):
    """Whether a component is left out."""

    disabled: bool = False
    """Do not run it."""


class ControlPlaneSwitches(Section, frozen=True):
    """Switches for static control-plane pods."""

    controller_manager: Switch = Switch()
    """KCM switch."""
    scheduler: Switch = Switch()
    """Scheduler switch."""


class IdMapping(Section, frozen=True):
    """A range of ids of an id-mapped mount."""

    container_id: UInt32 = field(default=0, name="containerID")
    """First id inside."""
    host_id: UInt32 = field(default=0, name="hostID")
    """First id on host."""
    size: UInt32 = 0
    """Count of ids."""


class ExtraMount(Section, frozen=True):
    """A bind mount into the kubelet container."""

    destination: str = ""
    """Path inside the kubelet container."""
    type: str = ""
    """Mount type."""
    source: str = ""
    """Host path."""
    options: tuple[str, ...] = ()
    """Mount options."""
    uid_mappings: tuple[IdMapping, ...] = ()
    """Id-mapped mount uids."""
    gid_mappings: tuple[IdMapping, ...] = ()
    """Id-mapped mount gids."""


class NodeIp(Section, frozen=True):
    """Node IP selection."""

    valid_subnets: tuple[NegatableCidr, ...] = ()
    """CIDRs to pick the node IP from, ! negates."""


class Kubelet(Section, frozen=True):
    """Kubelet settings."""

    image: str = ""
    """Kubelet image."""
    cluster_dns: tuple[Ip, ...] = field(default=(), name="clusterDNS")
    """DNS service IPs handed to pods."""
    extra_args: dict[str, StringOrList] = field(default_factory=dict)
    """Extra kubelet flags (string or list)."""
    extra_mounts: tuple[ExtraMount, ...] = ()
    """Extra bind mounts."""
    extra_config: Object | None = None
    """KubeletConfiguration overrides."""
    credential_provider_config: Object | None = None
    """CredentialProviderConfig body."""
    default_runtime_seccomp_profile_enabled: bool = False
    """SeccompDefault."""
    register_with_fqdn: bool = field(default=False, name="registerWithFQDN")
    """Node name = FQDN."""
    node_ip: NodeIp = field(default=NodeIp(), name="nodeIP")
    """Node IP selection."""
    skip_node_registration: bool = False
    """Standalone kubelet, static pods only."""
    disable_manifests_directory: bool = False
    """Ignore /etc/kubernetes/manifests."""
