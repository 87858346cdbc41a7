"""The secrets of a cluster as one file: what `gen secrets` writes and `gen config` starts from. Whoever holds it owns
the cluster; the same file always makes the same machine configs."""

from typing import Final

import msgspec
from msgspec import field

from core.base.errors import Invalid
from core.codec.yaml import YamlErrors, dump, parse
from core.config.kinds import Found
from core.config.load import Config
from core.config.plan import plan
from core.config.problems import ConfigErrors, Finding, dotted, from_yaml, place
from core.config.schema.base import Secret, Section
from core.config.schema.secrets import BootstrapToken, CertificatePair, ClusterSecret, SigningKey


class ClusterIdentity(Section, frozen=True):
    """What tells clusters apart."""

    id: str = ""
    """Opaque."""
    secret: ClusterSecret = ""
    """Base64 of 32 bytes."""


class Secrets(Section, frozen=True):
    """Kubernetes' shared secrets."""

    bootstrap_token: BootstrapToken = field(default="", name="bootstraptoken")
    """What a kubelet joins with."""
    secretbox_encryption_secret: Secret = field(default="", name="secretboxencryptionsecret")
    """Base64 of the key that encrypts secrets in etcd."""


class TrustdInfo(Section, frozen=True):
    """How nodes join."""

    token: Secret = ""
    """machine.token."""


class Certificates(Section, frozen=True):
    """The authorities."""

    etcd: CertificatePair = CertificatePair()
    """etcd's."""
    k8s: CertificatePair = CertificatePair()
    """Kubernetes'."""
    aggregator: CertificatePair = field(default=CertificatePair(), name="k8saggregator")
    """The front proxy's."""
    service_account: SigningKey = field(default=SigningKey(), name="k8sserviceaccount")
    """What signs service-account tokens."""
    os: CertificatePair = CertificatePair()
    """The API's."""


class Bundle(Section, frozen=True):
    """All secrets of a cluster."""

    cluster: ClusterIdentity = ClusterIdentity()
    """Identity."""
    secrets: Secrets = Secrets()
    """Kubernetes."""
    trustd: TrustdInfo = field(default=TrustdInfo(), name="trustdinfo")
    """Joining."""
    certs: Certificates = Certificates()
    """Authorities."""


_PLAN: Final = plan(Bundle)


def load(data: bytes, name: str = "secrets") -> Bundle:
    """Raises ConfigErrors with every problem, missing parts included."""
    try:
        stream = parse(data)
    except YamlErrors as error:
        raise ConfigErrors(from_yaml(error, name)) from None
    found: Found = []
    problems = from_yaml(YamlErrors(stream.troubles), name)
    value = _PLAN.read(stream.documents[0] if len(stream.documents) == 1 else None, (0,), found)
    if isinstance(value, Bundle) and not found:
        found.extend(_missing(value))
    problems.extend(place(found, data, name))
    if problems or not isinstance(value, Bundle):
        raise ConfigErrors(problems)
    return value


def save(bundle: Bundle) -> bytes:
    """The file."""
    return dump(msgspec.to_builtins(bundle))


def of_control_plane(config: Config) -> Bundle:
    """The secrets of the cluster whose control plane has this config. Raises Invalid naming what it lacks."""
    machine, cluster = config.v1alpha1.machine, config.v1alpha1.cluster
    bundle = Bundle(
        cluster=ClusterIdentity(id=cluster.id, secret=cluster.secret),
        secrets=Secrets(bootstrap_token=cluster.token, secretbox_encryption_secret=cluster.secretbox_encryption_secret),
        trustd=TrustdInfo(token=machine.token),
        certs=Certificates(
            etcd=cluster.etcd.ca or CertificatePair(),
            k8s=cluster.ca or CertificatePair(),
            aggregator=cluster.aggregator_ca or CertificatePair(),
            service_account=cluster.service_account or SigningKey(),
            os=machine.ca or CertificatePair(),
        ),
    )
    if missing := _missing(bundle):
        names = ", ".join(dotted(finding.path) for finding in missing)
        raise Invalid(f"{config.name} holds no {names}", remedy="give the config of a control plane")
    return bundle


def _missing(value: object, path: tuple[str | int, ...] = (0,)) -> list[Finding]:
    if isinstance(value, Section):
        fields = plan(type(value)).fields.values()
        return [found for f in fields for found in _missing(getattr(value, f.attribute), (*path, f.key))]
    return [] if value else [Finding(path, "is missing", "make a new file with `gen secrets`")]
