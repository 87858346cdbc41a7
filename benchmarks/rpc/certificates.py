"""A CA and a certificate for each side, as files. ECDSA: grpcio cannot do Ed25519."""

import subprocess
from pathlib import Path


def certificates(folder: Path) -> None:
    """Make ca.crt, server.crt, server.key, client.crt and client.key."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    new += ["-subj", "/O=bench"]
    _run(folder, [*new, "-keyout", "ca.key", "-out", "ca.crt"])
    for side in ("server", "client"):
        leaf = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
        leaf += ["-addext", f"extendedKeyUsage={side}Auth", "-CA", "ca.crt", "-CAkey", "ca.key"]
        _run(folder, [*new, *leaf, "-keyout", f"{side}.key", "-out", f"{side}.crt"])


def files(folder: Path, side: str) -> list[str]:
    """The arguments of a program of one side: CA, certificate, key."""
    return [str(folder / name) for name in ("ca.crt", f"{side}.crt", f"{side}.key")]


def _run(folder: Path, command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
