"""Whether the clock can be believed."""

from core.node.resources.values import Moment, Seconds
from core.state import Column, Spec, resource


@resource(
    "TimeStatuses.v1alpha1.talos.dev",
    "runtime",
    columns=(Column("Synced", "{.synced}"), Column("Disabled", "{.syncDisabled}")),
)
class TimeStatus(Spec, frozen=True):
    """The clock agrees with a time server, or nobody asks for that (id `node`). `epoch` counts jumps."""

    synced: bool = False
    epoch: int = 0
    sync_disabled: bool = False


@resource(
    "AdjtimeStatuses.v1alpha1.talos.dev",
    "runtime",
    columns=(Column("Offset", "{.offset}"), Column("Status", "{.status}")),
)
class AdjtimeStatus(Spec, frozen=True):
    """adjtimex(2) (id `node`)."""

    offset: Seconds = 0.0
    frequency_adjustment_ratio: float = 1.0
    max_error: Seconds = 0.0
    est_error: Seconds = 0.0
    status: str = ""
    constant: int = 0
    sync_status: bool = False
    state: str = ""


@resource(
    "TimeOffsets.runtime.ichor.dev",
    "runtime",
    columns=(Column("Offset", "{.offset}"), Column("Asked", "{.asked}")),
)
class TimeOffset(Spec, frozen=True):
    """How far the clock was behind a time server when one was last asked (id `node`), before anything was done."""

    offset: Seconds = 0.0
    asked: Moment = 0.0
