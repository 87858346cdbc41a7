"""Time, registries, udev, logging, the kernel."""

from msgspec import field

from core.config.schema.addresses import HttpUrl, LogUrl
from core.config.schema.base import Object, Secret, Section
from core.config.schema.numbers import Duration
from core.config.schema.secrets import CertificatePair, CertificatePem
from core.config.schema.words import LogFormat


class Time(Section, frozen=True):
    """NTP settings."""

    disabled: bool = False
    """No time sync."""
    servers: tuple[str, ...] = ()
    """NTP servers or /dev/ptpN."""
    boot_timeout: Duration | None = None
    """Treat time as synced after this."""


class RegistryMirror(Section, frozen=True):
    """Where images of one registry (or of all, `*`) are fetched."""

    endpoints: tuple[HttpUrl, ...] = ()
    """Mirror URLs in order."""
    override_path: bool = False
    """Use path as is, no /v2."""
    skip_fallback: bool = False
    """Never fall back upstream."""


class RegistryTls(Section, frozen=True):
    """TLS."""

    client_identity: CertificatePair | None = None
    """Client cert+key for mTLS."""
    ca: CertificatePem = b""
    """Extra CA."""
    insecure_skip_verify: bool = False
    """No server verification."""


class RegistryAuth(Section, frozen=True):
    """Credentials."""

    username: str = ""
    """User."""
    password: Secret = ""
    """Password."""
    auth: Secret = ""
    """Raw docker auth string."""
    identity_token: Secret = ""
    """Bearer token."""


class RegistryConfig(Section, frozen=True):
    """How to talk to one registry host."""

    tls: RegistryTls | None = None
    """TLS."""
    auth: RegistryAuth | None = None
    """Credentials."""


class Registries(Section, frozen=True):
    """Image registry mirrors, TLS and auth."""

    mirrors: dict[str, RegistryMirror] = field(default_factory=dict)
    """Registry host (or `*`) to mirror."""
    config: dict[str, RegistryConfig] = field(default_factory=dict)
    """Registry host, with or without port, to TLS and credentials."""


class Udev(Section, frozen=True):
    """Udev settings."""

    rules: tuple[str, ...] = ()
    """Rule lines."""


class LoggingDestination(Section, frozen=True):
    """Where logs are sent."""

    endpoint: LogUrl = ""
    """Tcp:// or udp:// URL."""
    format: LogFormat = ""
    """Json_lines."""
    extra_tags: dict[str, str] = field(default_factory=dict)
    """Static fields."""


class Logging(Section, frozen=True):
    """Remote log shipping."""

    destinations: tuple[LoggingDestination, ...] = ()
    """Sinks."""


class KernelModule(Section, frozen=True):
    """A kernel module to load."""

    name: str = ""
    """Module."""
    parameters: tuple[str, ...] = ()
    """Module params."""


class Kernel(Section, frozen=True):
    """Kernel modules."""

    modules: tuple[KernelModule, ...] = ()
    """Modules to load."""


class SeccompProfile(Section, frozen=True):
    """A seccomp profile for kubelet."""

    name: str = ""
    """File name under the kubelet seccomp profile dir."""
    value: Object | None = None
    """Profile body (JSON object)."""
