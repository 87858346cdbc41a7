"""Programs of etcd's image that are run once, such as etcdutl: in a container with the data and nothing else of the
node, not even its network, which is gone when they end. Owns what they may touch; what they say is their caller's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from core.base.errors import Invalid, NotFound
from core.base.text import printable
from core.cluster.etcd import flags
from core.codec.reference import Reference
from core.node.containers import images
from core.node.containers.attached import FOLDER, attached
from core.node.containers.client import NAMESPACES, Containerd
from core.node.containers.container import Container
from core.node.containers.layout import Image
from core.node.containers.pull import Pulls
from core.node.containers.spec import Choices, Mount

ID: Final = "etcd-tool"
USER: Final = 60
PROGRAMS: Final = "/usr/local/bin"
SNAPSHOT: Final = Path("/var/lib/etcd.snapshot")  # what a client sent, for a bootstrap that asks for it
_SYSTEM: Final = NAMESPACES[0]


@dataclass(frozen=True, slots=True)
class Tool:
    """`named` is asked at each run; `cgroup` is absolute."""

    containerd: Containerd
    named: Callable[[], str]
    cgroup: str
    folder: Path = FOLDER

    async def __call__(self, argv: Sequence[str]) -> bytes:
        """What it wrote, when it ended well. Raises Invalid with what it wrote when it did not."""
        image, container = await self.image(), Container(self._system, ID)
        await container.end()  # one that was left by a machined that was killed
        async with attached(container, image, self._choices(argv), self.folder) as session:
            said = b"".join([piece async for piece in session.written()])
        if session.ending.result():
            raise Invalid(f"{argv[0]} ended with {session.ending.result()}: {printable(said.decode(errors='replace'))}")
        return said

    async def image(self) -> Image:
        """etcd's, fetched if it is not on the node."""
        containerd, name = self._system, str(Reference.parse(self.named()))
        try:
            return await images.find(containerd, name)
        except NotFound:
            await Pulls(containerd).pull(_SYSTEM, name)
            return await images.find(containerd, name)

    @property
    def _system(self) -> Containerd:
        return replace(self.containerd, namespace=_SYSTEM)

    def _choices(self, argv: Sequence[str]) -> Choices:
        mounts = [Mount(flags.DATA, flags.DATA, ("rbind", "rw", "nosuid", "nodev", "noexec"))]
        if SNAPSHOT.exists():
            mounts.append(Mount(str(SNAPSHOT), str(SNAPSHOT)))
        return Choices(
            [f"{PROGRAMS}/{argv[0]}", *argv[1:]],
            uid=USER,
            gid=USER,
            cgroup=f"{self.cgroup}/{ID}",
            readonly=True,
            capabilities=(),
            mounts=mounts,
        )
