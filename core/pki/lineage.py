"""By which authority a certificate says it was made, read from DER without a cryptography library. It is what the
certificate says: who may be lied to has it verified (`core.pki.issue.issued_by`); who looks at what its own programs
hold needs no more."""

import hashlib
from typing import Final

import msgspec

from core.base.errors import Invalid
from core.pki import pem
from core.pki.der import elements, only

_SEQUENCE, _OID, _OCTETS, _VERSION, _EXTENSIONS = 0x30, 0x06, 0x04, 0xA0, 0xA3
_KEY_ID: Final = 0x80
_DIGITS: Final = 32
_OWN_KEY: Final = b"\x55\x1d\x0e"  # subjectKeyIdentifier
_AUTHORITYS_KEY: Final = b"\x55\x1d\x23"  # authorityKeyIdentifier


class Lineage(msgspec.Struct, frozen=True):
    """Whose a certificate is and who made it: names as they stand in it (content of the DER Name), identifiers of keys
    where it has them."""

    subject: bytes
    issuer: bytes
    key: bytes = b""
    authoritys_key: bytes = b""

    def made_by(self, authority: "Lineage") -> bool:
        """Whether it names that one as its authority."""
        known = self.authoritys_key and authority.key
        return self.issuer == authority.subject and (not known or self.authoritys_key == authority.key)


def identity(crt: bytes) -> str:
    """Of the first certificate of a PEM text, however it is wrapped: 32 hexadecimal digits. Raises Invalid."""
    return hashlib.sha256(pem.certificates(crt)[0]).hexdigest()[:_DIGITS]


def read(certificate: bytes) -> Lineage:
    """Of a DER certificate. Raises Invalid."""
    outer = list(elements(only(certificate, _SEQUENCE)))
    parts = list(elements(outer[0][1])) if outer and outer[0][0] == _SEQUENCE else []
    if parts and parts[0][0] == _VERSION:
        parts = parts[1:]
    if len(outer) != 3 or len(parts) < 6 or any(tag != _SEQUENCE for tag, _ in parts[1:6]):
        raise Invalid("not a certificate")
    known = dict(pair for tag, body in parts[6:] if tag == _EXTENSIONS for pair in _extensions(body))
    own, authoritys = known.get(_OWN_KEY), known.get(_AUTHORITYS_KEY)
    return Lineage(
        parts[4][1],
        parts[2][1],
        b"" if own is None else only(own, _OCTETS),
        b"" if authoritys is None else dict(elements(only(authoritys, _SEQUENCE))).get(_KEY_ID, b""),
    )


def _extensions(body: bytes) -> list[tuple[bytes, bytes]]:
    found = []
    for tag, extension in elements(only(body, _SEQUENCE)):
        parts = list(elements(extension))
        if tag != _SEQUENCE or len(parts) not in (2, 3) or parts[0][0] != _OID or parts[-1][0] != _OCTETS:
            raise Invalid("not an extension of a certificate")
        found.append((parts[0][1], parts[-1][1]))
    return found
