"""Files in /etc that the node writes."""

from core.node.resources.values import Text
from core.state import Spec, resource


@resource("EtcFileSpecs.files.talos.dev", "files", sensitive=True)
class EtcFileSpec(Spec, frozen=True, rename=None):
    """A file under /etc shall be this; the id is its path there ("hosts")."""

    contents: Text
    mode: int = 0o644
    selinux_label: str = ""


@resource("EtcFileStatuses.files.talos.dev", "files")
class EtcFileStatus(Spec, frozen=True):
    """The file was written from this version of its spec."""

    spec_version: str
