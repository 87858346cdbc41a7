"""What the container runtime is told."""

import msgspec

from core.node.resources.values import Base64, CertificateAndKey, Value
from core.state import Spec, resource


class RegistryEndpoint(Value, frozen=True):
    """A URL where a registry's images are, too. `override_path`: its path is whole, without /v2 behind."""

    endpoint_endpoint: str = msgspec.field(name="endpoint", default="")
    endpoint_override_path: bool = msgspec.field(name="overridePath", default=False)


class RegistryMirror(Value, frozen=True):
    """Where to ask before the registry itself, in this order, or instead of it."""

    mirror_endpoints: tuple[RegistryEndpoint, ...] = msgspec.field(name="endpoints", default=())
    mirror_skip_fallback: bool = msgspec.field(name="skipFallback", default=False)


class RegistryAuth(Value, frozen=True):
    """How to log in: by name and password, by both in base64, or by a token."""

    registry_username: str = msgspec.field(name="username", default="")
    registry_password: str = msgspec.field(name="password", default="")
    registry_auth: str = msgspec.field(name="auth", default="")
    registry_identity_token: str = msgspec.field(name="identityToken", default="")


class RegistryTLS(Value, frozen=True):
    """How to know the registry, and what to show it."""

    tls_client_identity: CertificateAndKey | None = msgspec.field(name="clientIdentity", default=None)
    tlsca: Base64 = msgspec.field(name="ca", default=b"")
    tls_insecure_skip_verify: bool = msgspec.field(name="insecureSkipVerify", default=False)


@resource("RegistryConfigs.cri.talos.dev", "cri", sensitive=True)
class RegistriesConfig(Spec, frozen=True):
    """Where images come from (id `registries`), by the registry's host; `*` is every other one."""

    registry_mirrors: dict[str, RegistryMirror] = msgspec.field(name="mirrors", default_factory=dict)
    registry_auths: dict[str, RegistryAuth] = msgspec.field(name="auths", default_factory=dict)
    registry_tl_ss: dict[str, RegistryTLS] = msgspec.field(name="tls", default_factory=dict)
