"""The tiny initramfs: init, the public key, and the modules it takes to reach the image; nothing else."""

from pathlib import Path

from core.codec import cpio
from core.codec.member import Member
from core.image.cache import Cache, digest
from core.image.modules import Kernel
from core.image.root import Root


def build(cache: Cache, root: Root, kernel: Kernel, init: Path, public: bytes) -> bytes:
    """The compressed archive. /modules/order lists paths below /, one a line, in the order of loading."""
    order = kernel.load_order()
    archive = cpio.pack(
        [
            *(Member.folder(name) for name in ("dev", "proc", "sys", "root", "modules")),
            Member.device("dev/console", 5, 1),
            Member.file("init", init.read_bytes(), 0o755),
            Member.file("key.pub", public),
            Member.file("modules/order", "".join(f"/modules/{path.name}\n" for path in order).encode()),
            *(Member.file(f"modules/{path.name}", path.read_bytes()) for path in order),
        ]
    )

    def fill(folder: Path) -> None:
        (folder / "cpio.zst").write_bytes(root.run(["zstd", "-19", "-q", "-c", "-T1"], {}, data=archive))

    return (cache.step("initramfs", digest((root.name, archive)), fill, keep=4) / "cpio.zst").read_bytes()
