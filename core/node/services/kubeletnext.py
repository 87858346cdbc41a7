"""The certificate by which a kubelet asks: the one that it has, and one that takes its place at its next start. Files
are where the kubelet keeps its own, so that it renews ours as it does its own; they hold a certificate and its key."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from core.base.files import write_atomic
from core.pki import der, pem

CURRENT: Final = "kubelet-client-current.pem"  # a link to the newest
_NEXT: Final = "ichor-next.pem"
_LINK: Final = "ichor-next.link"
_SERVING: Final = "kubelet-server-*"


def shown(folder: Path) -> bytes:
    """What it has, PEM; empty if it has none."""
    try:
        return (folder / CURRENT).read_bytes()
    except FileNotFoundError:
        return b""


def show(folder: Path, data: bytes, when: float) -> None:
    """Have it show this certificate with its key (PEM), of that time, while it does not run. The kubelet exchanges a
    link, and refuses to exchange a file."""
    named = folder / f"kubelet-client-{datetime.fromtimestamp(when, UTC):%Y-%m-%d-%H-%M-%S}.pem"
    write_atomic(named, data, mode=0o600)
    link = folder / _LINK
    link.unlink(missing_ok=True)
    link.symlink_to(named.name)
    link.replace(folder / CURRENT)


def stage(folder: Path, crt: bytes, key: bytes) -> None:
    """Have it show this one from its next start on."""
    write_atomic(folder / _NEXT, crt + pem.for_openssl(key), mode=0o600)


def staged(folder: Path) -> bool:
    """Whether one waits for that."""
    return (folder / _NEXT).exists()


def install(folder: Path) -> None:
    """Put the one that waits in its place, while no kubelet runs; may be broken off and begun anew. One that it serves
    with is the authority's of before, too: it asks for another."""
    path = folder / _NEXT
    if not path.exists():
        return
    data = path.read_bytes()
    show(folder, data, der.read(pem.certificates(data)[0]).not_before)
    for serving in folder.glob(_SERVING):
        serving.unlink()
    path.unlink()
