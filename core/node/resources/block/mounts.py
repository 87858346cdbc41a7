"""Who wants which volume mounted, and what is mounted."""

import msgspec

from core.node.resources.block.volumes import EncryptionProvider, FilesystemKind
from core.node.resources.values import Value
from core.state import Column, Spec, resource


@resource(
    "VolumeMountRequests.block.talos.dev",
    "runtime",
    columns=(Column("Volume ID", "{.volumeID}"), Column("Requester", "{.requester}")),
)
class VolumeMountRequest(Spec, frozen=True):
    """Somebody wants a volume mounted, until the request is torn down."""

    volume_id: str = msgspec.field(name="volumeID")
    requester: str = ""
    read_only: bool = False
    detached: bool = False
    disable_access_time: bool = False
    secure: bool = False
    no_exec: bool = False


@resource(
    "VolumeMountStatuses.block.talos.dev",
    "runtime",
    columns=(
        Column("Volume ID", "{.volumeID}"),
        Column("Requester", "{.requester}"),
        Column("Target", "{.target}"),
    ),
)
class VolumeMountStatus(Spec, frozen=True):
    """The request of the same id is met. Whoever uses the mount holds this resource."""

    volume_id: str = msgspec.field(name="volumeID")
    requester: str = ""
    target: str = ""
    read_only: bool = False
    detached: bool = False
    disable_access_time: bool = False
    secure: bool = False
    no_exec: bool = False


class MountParameters(Value, frozen=True):
    """What all requests for one volume come to."""

    volume_id: str = msgspec.field(name="volumeID", default="")
    parent_mount_id: str = msgspec.field(name="parentID", default="")
    requesters: tuple[str, ...] = ()
    requester_ids: tuple[str, ...] = msgspec.field(name="requesterIDs", default=())
    read_only: bool = False
    detached: bool = False
    disable_access_time: bool = False
    secure: bool = False
    no_exec: bool = False


@resource(
    "MountRequests.block.talos.dev",
    "runtime",
    columns=(Column("Volume ID", "{.volumeID}"), Column("Parent", "{.parentID}")),
)
class MountRequest(Spec, frozen=True):
    """All requests for one volume as one (id: the volume's)."""

    volume_id: str = msgspec.field(name="volumeID")
    parent_mount_id: str = msgspec.field(name="parentID", default="")
    requesters: tuple[str, ...] = ()
    requester_ids: tuple[str, ...] = msgspec.field(name="requesterIDs", default=())
    read_only: bool = False
    detached: bool = False
    disable_access_time: bool = False
    secure: bool = False
    no_exec: bool = False


@resource(
    "MountStatuses.block.talos.dev",
    "runtime",
    columns=(
        Column("Source", "{.source}"),
        Column("Target", "{.target}"),
        Column("Filesystem", "{.filesystem}"),
        Column("Volume", "{.spec.volumeID}"),
    ),
)
class MountStatus(Spec, frozen=True):
    """A volume is mounted."""

    spec: MountParameters = MountParameters()
    source: str = ""
    target: str = ""
    filesystem: FilesystemKind = FilesystemKind.NONE
    encryption_provider: EncryptionProvider = EncryptionProvider.NONE
    read_only: bool = False
    project_quota_support: bool = False
    detached: bool = False


@resource("VolumeLifecycles.block.talos.dev", "runtime")
class VolumeLifecycle(Spec, frozen=True):
    """Volumes are in use (id `volumes`): who holds it keeps them from being closed; its teardown closes them."""
