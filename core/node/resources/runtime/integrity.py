"""Ichor's own: what guards the image's bytes, the check that was asked for, and what of the wanted limits this kernel
cannot do. These types have no protobuf message; they are shown as YAML."""

from core.node.resources.values import Moment, Named, Value
from core.state import Column, Spec, resource


class IntegrityMethod(Named):
    """Checked by the kernel at every read, or once before the node started."""

    UNKNOWN = 0
    DM_VERITY = 1
    CHECKED_AT_START = 2


class BadBlock(Value, frozen=True):
    """A 4 KiB block of the image that does not have its hash, and whose it is: the path of its file, those of all that
    share it, or a table of the file system or of the image."""

    block: int
    file: str = ""
    found: Moment = 0.0


@resource(
    "IntegrityStatuses.runtime.ichor.dev",
    "runtime",
    aliases=("integrity",),
    columns=(
        Column("Method", "{.method}"),
        Column("Driver", "{.hashDriver}"),
        Column("Root Hash", "{.rootHash}"),
        Column("Bad Blocks", "{.badBlocks[*].block}"),
    ),
)
class IntegrityStatus(Spec, frozen=True):
    """The image that runs (id `image`)."""

    method: IntegrityMethod = IntegrityMethod.UNKNOWN
    version: str = ""
    root_hash: str = ""
    key_id: str = ""
    hash_driver: str = ""
    bad_blocks: tuple[BadBlock, ...] = ()


class ImageCheckState(Named):
    """What became of the last check that somebody asked for."""

    NEVER = 0
    RUNNING = 1
    INTACT = 2
    CORRUPTED = 3
    STOPPED = 4
    UNABLE = 5


@resource(
    "ImageChecks.runtime.ichor.dev",
    "runtime",
    aliases=("imagecheck",),
    columns=(
        Column("State", "{.state}"),
        Column("Checked", "{.bytesChecked}"),
        Column("Of", "{.bytesTotal}"),
        Column("Per Second", "{.bytesPerSecond}"),
        Column("Bad Block", "{.badBlock.block}"),
        Column("File", "{.badBlock.file}"),
    ),
)
class ImageCheck(Spec, frozen=True):
    """The last check of the running image against its hash tree (id `image`), which `service imagecheck start` begins.
    `bad_block` is the first one; `problem` says why it is UNABLE."""

    state: ImageCheckState = ImageCheckState.NEVER
    bytes_checked: int = 0
    bytes_total: int = 0
    bytes_per_second: int = 0
    started: Moment = 0.0
    finished: Moment = 0.0
    bad_block: BadBlock | None = None
    problem: str = ""


@resource(
    "UnappliedLimits.runtime.ichor.dev",
    "runtime",
    columns=(Column("Cgroup", "{.cgroup}"), Column("Limit", "{.limit}"), Column("Reason", "{.reason}")),
)
class UnappliedLimit(Spec, frozen=True):
    """A limit that was asked for and that this kernel does not offer (id: <cgroup>/<limit>)."""

    cgroup: str
    limit: str
    value: str = ""
    reason: str = ""
