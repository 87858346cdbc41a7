"""Who may what: the roles a client certificate carries in its subject's O. Unknown names are dropped, so that a
certificate for something else never means anything here."""

from enum import StrEnum

from core.pki import der


class Role(StrEnum):
    """The roles of the API."""

    ADMIN = "os:admin"
    OPERATOR = "os:operator"
    READER = "os:reader"
    ETCD_BACKUP = "os:etcd:backup"
    IMAGE_VERIFIER = "os:image:verifier"
    META_WRITER = "os:meta:writer"
    IMPERSONATOR = "os:impersonator"


def parse(names: tuple[str, ...]) -> frozenset[Role]:
    """The roles among `names`."""
    known = Role._value2member_map_
    return frozenset(Role(name) for name in names if name in known)


def of_certificate(certificate: bytes) -> frozenset[Role]:
    """The roles of a DER client certificate that OpenSSL has verified. Raises Invalid."""
    return parse(der.read(certificate).organizations)
