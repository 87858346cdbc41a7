"""Keys and certificates. Every type is sensitive; none of it is ever written to a log or an event."""

import msgspec

from core.node.resources.values import Base64, Certificate, CertificateAndKey
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


@resource("EncryptionSalts.secrets.talos.dev", "secrets", sensitive=True)
class EncryptionSalt(Spec, frozen=True):
    """Salt of disk keys made from the node's identity (id `salt`)."""

    disk_salt: Base64
