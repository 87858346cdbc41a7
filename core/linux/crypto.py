"""Which implementation the kernel's crypto API takes for an algorithm (/proc/crypto): the highest priority wins."""

from pathlib import Path


def driver(proc: Path, algorithm: str) -> str:
    """The driver's name ("sha256-ni"); empty when the kernel has none loaded."""
    path = proc / "crypto"
    best, name = -1, ""
    for block in path.read_text().split("\n\n") if path.exists() else ():
        fields = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in block.splitlines())}
        priority = int(fields.get("priority", "-1"))
        if fields.get("name") == algorithm and priority > best:
            best, name = priority, fields.get("driver", "")
    return name
