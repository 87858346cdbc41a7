"""Ichor's own: by which authorities Kubernetes' programs on this node go as they run. It has no protobuf message; it is
shown as YAML."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from core.node.resources.k8s.nodes import NAMESPACE
from core.node.resources.values import Certificate
from core.pki import lineage
from core.state import Column, Resource, Spec, resource

_ISSUER: Final = "ichor.dev/issuer"
_AUTHORITIES: Final = "ichor.dev/authorities"


@resource(
    "ProgramTrusts.kubernetes.ichor.dev",
    NAMESPACE,
    aliases=("trust",),
    columns=(Column("Issuer", "{.issuer}"), Column("Authorities", "{.authorities}")),
)
class ProgramTrust(Spec, frozen=True):
    """What a program was seen to do (id: its name): it believes `authorities`, and what it shows others is of `issuer`
    (empty: of none that is known). Each is the SHA-256 of a certificate, in its first 32 hexadecimal digits. While
    a program takes up something new it stands as it was, or is not there."""

    authorities: tuple[str, ...] = ()
    issuer: str = ""

    @property
    def labels(self) -> Mapping[str, str]:
        """It as labels of what a program is to go by."""
        return {_ISSUER: self.issuer, _AUTHORITIES: " ".join(self.authorities)}


def trust(authorities: Iterable[Certificate], issuer: bytes) -> ProgramTrust:
    """Of who is believed, and of whose certificates are shown."""
    believed = sorted({lineage.identity(ca.crt) for ca in authorities})
    return ProgramTrust(authorities=tuple(believed), issuer=lineage.identity(issuer))


def labelled(made: Resource[Any]) -> ProgramTrust | None:
    """What a resource's labels say it goes by."""
    labels = made.md.labels
    if _ISSUER not in labels:
        return None
    return ProgramTrust(authorities=tuple(labels[_AUTHORITIES].split()), issuer=labels[_ISSUER])
