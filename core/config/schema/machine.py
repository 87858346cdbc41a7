"""The machine section."""

from msgspec import field

from core.config.schema.addresses import San
from core.config.schema.base import Object, Secret, Section
from core.config.schema.features import Features
from core.config.schema.kubelet import ControlPlaneSwitches, Kubelet
from core.config.schema.network import Network
from core.config.schema.secrets import CertificatePair, TrustedCertificate
from core.config.schema.storage import Disk, File, Install, SystemDiskEncryption
from core.config.schema.system import Kernel, Logging, Registries, SeccompProfile, Time, Udev
from core.config.schema.words import MachineType


class Machine(Section, frozen=True):
    """Node part."""

    type: MachineType = "worker"
    """Node role (controlplane, worker; init still parsed)."""
    token: Secret = ""
    """Join secret presented to trustd."""
    ca: CertificatePair | None = None
    """OS API CA: crt+key on control planes, crt only on workers."""
    accepted_cas: tuple[TrustedCertificate, ...] = field(default=(), name="acceptedCAs")
    """Extra OS CAs trusted for clients/peers."""
    cert_sans: tuple[San, ...] = field(default=(), name="certSANs")
    """Additional SANs of the apid certificate (non-loopback IPs are automatic)."""
    control_plane: ControlPlaneSwitches = ControlPlaneSwitches()
    """Switches for static control-plane pods."""
    kubelet: Kubelet = Kubelet()
    """Kubelet settings."""
    pods: tuple[Object, ...] = ()
    """Static pod manifests."""
    network: Network = Network()
    """Host networking (legacy form)."""
    disks: tuple[Disk, ...] = ()
    """Extra disks to partition and mount (legacy)."""
    install: Install | None = None
    """How to install to disk."""
    files: tuple[File, ...] = ()
    """Files to write at boot (legacy)."""
    env: dict[str, str] = field(default_factory=dict)
    """Environment of PID 1 and services, proxies included."""
    time: Time = Time()
    """NTP settings."""
    sysctls: dict[str, str] = field(default_factory=dict)
    """/proc/sys values, dotted key."""
    sysfs: dict[str, str] = field(default_factory=dict)
    """/sys values, dotted key."""
    registries: Registries = Registries()
    """Image registry mirrors, TLS and auth."""
    system_disk_encryption: SystemDiskEncryption | None = None
    """LUKS2 for STATE and EPHEMERAL."""
    features: Features = Features()
    """Feature switches."""
    udev: Udev = Udev()
    """Udev settings."""
    logging: Logging = Logging()
    """Remote log shipping."""
    kernel: Kernel = Kernel()
    """Kernel modules."""
    seccomp_profiles: tuple[SeccompProfile, ...] = ()
    """Custom seccomp profiles placed for kubelet."""
    base_runtime_spec_overrides: Object | None = None
    """Patch onto the default OCI spec used by CRI."""
    node_labels: dict[str, str] = field(default_factory=dict)
    """Labels kept on the Node object."""
    node_annotations: dict[str, str] = field(default_factory=dict)
    """Annotations kept on the Node object."""
    node_taints: dict[str, str] = field(default_factory=dict)
    """Taints kept on the Node object (value:effect)."""
