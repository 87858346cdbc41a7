"""Key material in the config: base64 around PEM, base64 keys, tokens. PEM is checked for its armour and decoded once;
what is inside is checked where keys are used. Kinds marked secret are never echoed in an error or shown to a reader."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Annotated, Final

from core.base.errors import Invalid
from core.config.schema.base import Scalar, Section

_ARMOUR: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n[A-Za-z0-9+/=\s]+-----END \1-----\s*", re.ASCII)
_BOOTSTRAP: Final = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}", re.ASCII)


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("not base64") from None


def _pem(what: str) -> Callable[[str], bytes]:
    def parse(text: str) -> bytes:
        data = _base64(text)
        labels = [match[1] for match in _ARMOUR.finditer(data)]
        if data.strip() and (not labels or not all(label.endswith(what.encode()) for label in labels)):
            raise Invalid(
                f"base64, but not of a PEM {what.lower()}", remedy="encode the whole PEM file with base64 -w0"
            )
        return data

    return parse


def _sized(length: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text and len(_base64(text)) != length:
            raise Invalid(f"not base64 of {length} bytes")
        return str(text)

    return parse


def _bootstrap(text: str) -> str:
    if text and not _BOOTSTRAP.fullmatch(text):
        raise Invalid(
            "not a bootstrap token", remedy="six and sixteen of a-z0-9 with a dot between, as `gen secrets` makes"
        )
    return str(text)


CertificatePem = Annotated[bytes, Scalar("base64 of a PEM certificate", _pem("CERTIFICATE"))]
KeyPem = Annotated[bytes, Scalar("base64 of a PEM key", _pem("KEY"), secret=True)]
BootstrapToken = Annotated[str, Scalar("a bootstrap token", _bootstrap, secret=True)]
ClusterSecret = Annotated[str, Scalar("base64 of 32 bytes", _sized(32), secret=True)]
WireguardKey = Annotated[str, Scalar("base64 of 32 bytes", _sized(32))]
WireguardPrivateKey = Annotated[str, Scalar("base64 of 32 bytes", _sized(32), secret=True)]


class CertificatePair(Section, frozen=True):
    """A certificate and, where it is held, its key. PEM here, base64 of it in the document."""

    crt: CertificatePem = b""
    """Certificate."""
    key: KeyPem = b""
    """Private key."""


class TrustedCertificate(Section, frozen=True):
    """A certificate that is trusted."""

    crt: CertificatePem = b""
    """Certificate."""


class SigningKey(Section, frozen=True):
    """A key without a certificate."""

    key: KeyPem = b""
    """Private key."""
