"""Key material in the config: base64 around PEM, base64 keys, tokens. Certificates are parsed, keys are checked for
their armour alone and first used where they are needed. Kinds marked secret are never echoed in an error or shown to
a reader."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Annotated, Final

from core.base.errors import Invalid
from core.config.schema.base import Scalar, Section
from core.pki import der, pem

_BOOTSTRAP: Final = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}", re.ASCII)


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("not base64") from None


def _blocks(text: str, what: str) -> tuple[bytes, list[bytes]]:
    """The PEM inside base64, and the DER of its blocks, all of which must be a `what`."""
    data = _base64(text)
    if not data.strip():
        return b"", []
    remedy = "encode the whole PEM file with base64 -w0"
    try:
        blocks = pem.decode(data)
    except Invalid:
        raise Invalid(f"base64, but not of a PEM {what}", remedy=remedy) from None
    if not all(label.endswith(what.upper()) for label, _ in blocks):
        raise Invalid(f"base64, but not of a PEM {what}", remedy=remedy)
    return data, [block for _, block in blocks]


def _certificate(text: str) -> bytes:
    data, blocks = _blocks(text, "certificate")
    for block in blocks:
        try:
            der.read(block)
        except Invalid:
            raise Invalid("PEM, but not of a certificate") from None
    return data


def _key(text: str) -> bytes:
    return _blocks(text, "key")[0]


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


CertificatePem = Annotated[bytes, Scalar("base64 of a PEM certificate", _certificate)]
KeyPem = Annotated[bytes, Scalar("base64 of a PEM key", _key, secret=True)]
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
