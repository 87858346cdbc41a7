"""A CA and a certificate for each side, as files. ECDSA where it is not said otherwise: grpcio cannot do Ed25519."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ECDSA: Final = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
ED25519: Final = ("ed25519",)


def certificates(folder: Path, key: Sequence[str] = ECDSA, addresses: Sequence[str] = ("127.0.0.1",)) -> None:
    """Make ca.crt, server.crt, server.key, client.crt and client.key."""
    new = ["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", "2", "-subj", "/O=bench"]
    names = ",".join(f"IP:{address}" for address in addresses)
    _run(folder, [*new, "-keyout", "ca.key", "-out", "ca.crt"])
    for side in ("server", "client"):
        leaf = ["-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE"]
        leaf += ["-addext", f"extendedKeyUsage={side}Auth", "-CA", "ca.crt", "-CAkey", "ca.key"]
        _run(folder, [*new, *leaf, "-keyout", f"{side}.key", "-out", f"{side}.crt"])


def files(folder: Path, side: str) -> list[str]:
    """The arguments of a program of one side: CA, certificate, key."""
    return [str(folder / name) for name in ("ca.crt", f"{side}.crt", f"{side}.key")]


def _run(folder: Path, command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
