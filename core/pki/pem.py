"""PEM armour without a cryptography library. The wire formats label an Ed25519 key `ED25519 PRIVATE KEY` though PKCS#8
is inside; OpenSSL wants `PRIVATE KEY`. Both names are known here and nowhere else."""

import base64
import binascii
import re
from typing import Final

from core.base.errors import Invalid

_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s(.*?)-----END \1-----", re.S)
_ED25519: Final = "ED25519 PRIVATE KEY"
_PKCS8: Final = "PRIVATE KEY"


def encode(label: str, der: bytes) -> bytes:
    """One block, lines of 64."""
    body = base64.b64encode(der)
    lines = (body[start : start + 64] for start in range(0, len(body), 64))
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label.encode(), b"\n".join(lines), label.encode())


def decode(data: bytes) -> list[tuple[str, bytes]]:
    """Every block as (label, DER). Raises Invalid when there is none or one is not base64."""
    blocks = []
    for label, body in _BLOCK.findall(data):
        try:
            blocks.append((label.decode(), base64.b64decode(b"".join(body.split()), validate=True)))
        except binascii.Error:
            raise Invalid(f"the PEM block {label.decode()} is not base64") from None
    if not blocks:
        raise Invalid("not PEM", remedy="expected -----BEGIN ...-----")
    return blocks


def certificates(data: bytes) -> list[bytes]:
    """DER of every certificate block, in order. Raises Invalid when there is none."""
    found = [der for label, der in decode(data) if label == "CERTIFICATE"]
    if not found:
        raise Invalid("no certificate in the PEM")
    return found


def first(data: bytes) -> tuple[bytes, bytes]:
    """The first certificate, as PEM, and those behind it; whatever else is there is left out. Raises Invalid."""
    own, *others = (encode("CERTIFICATE", der) for der in certificates(data))
    return own, b"".join(others)


def for_openssl(key: bytes) -> bytes:
    """A private key under the label OpenSSL knows."""
    return _relabel(key, _ED25519, _PKCS8)


def for_wire(key: bytes) -> bytes:
    """An Ed25519 key in PKCS#8 under the label the config formats use."""
    return _relabel(key, _PKCS8, _ED25519)


def _relabel(key: bytes, old: str, new: str) -> bytes:
    for place in ("BEGIN", "END"):
        key = key.replace(f"-----{place} {old}-----".encode(), f"-----{place} {new}-----".encode())
    return key
