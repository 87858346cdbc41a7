"""The tiny initramfs: init, the public key, and the modules it takes to reach the image; nothing else."""

from core.codec import cpio
from core.codec.member import Member
from core.image import listing
from core.image.modules import Kernel
from core.image.root import Root


def build(root: Root, kernel: Kernel, init: bytes, public: bytes) -> bytes:
    """The compressed archive. /modules/order lists paths below /, one a line, in the order of loading."""
    order = kernel.load_order(name for name, _ in listing.read("modules.initramfs.txt"))
    members = [
        Member.folder("dev"),
        Member.folder("proc"),
        Member.folder("sys"),
        Member.folder("root"),
        Member.device("dev/console", 5, 1),
        Member.file("init", init, 0o755),
        Member.file("key.pub", public),
        Member.folder("modules"),
        Member.file("modules/order", "".join(f"/modules/{path.name}\n" for path in order).encode()),
        *(Member.file(f"modules/{path.name}", path.read_bytes()) for path in order),
    ]
    return root.run(["zstd", "-19", "--quiet", "--stdout", "-T1"], {}, data=cpio.pack(members))
