"""From a squashfs to an image: pads it, appends its dm-verity tree and the signed footer (docs/image.md)."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

from core.base import release
from core.codec import bundle
from core.pki import signing
from ext import verity

_SALT: Final = b"ichor image salt "


def seal(squashfs: Path, out: Path, seed: bytes, *, date: int, files: bytes) -> bundle.Footer:
    """Write the image to `out`, whole or not at all. `files` is the SHA-256 of files.json; the salt follows from it, so
    that equal contents give equal bytes while other contents share no hash."""
    temporary = out.with_name(out.name + ".new")
    shutil.copyfile(squashfs, temporary)
    salt = hashlib.sha256(_SALT + files).digest()
    with temporary.open("r+b") as image:
        size = bundle.data_size(image.read(bundle.SUPERBLOCK))
        os.ftruncate(image.fileno(), size)
        root_hash, tree = verity.build(image.fileno(), size // bundle.BLOCK, salt)
        key_id = signing.key_id(signing.public_key(seed))
        footer = bundle.Footer(size, len(tree), date, root_hash, salt, key_id, files, release.TAG)
        signed = bundle.encode(footer)
        image.seek(size)
        image.write(tree + bundle.append_signature(signed, signing.sign(seed, signed)))
        image.flush()
        os.fsync(image.fileno())
    temporary.replace(out)
    return footer
