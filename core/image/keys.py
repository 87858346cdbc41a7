"""The key that signs images: 32 raw bytes in a file of mode 0600. A development key is made in the cache on first use;
a release key is a file handed in from outside, and is never written by us."""

from pathlib import Path
from typing import Final

from core.base.errors import Denied, Invalid
from core.base.files import write_atomic
from core.pki import signing

SEED: Final = 32


def development(cache: Path) -> bytes:
    """The seed of this machine's development key."""
    path = cache / "keys" / "image.key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, signing.generate())
    return load(path)


def load(path: Path) -> bytes:
    """The seed in a key file. Raises Denied if others may read it, Invalid if it is not a seed."""
    if path.stat().st_mode & 0o077:
        raise Denied(f"{path} can be read by others", remedy=f"run `chmod 600 {path}`")
    seed = path.read_bytes()
    if len(seed) != SEED:
        raise Invalid(f"{path} holds {len(seed)} bytes, not a raw Ed25519 key of {SEED}")
    return seed
