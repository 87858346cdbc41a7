"""What is told of a sequence: its events in their order, as protobuf's JSON has them, which leaves START out where it
is the zero."""

from collections.abc import Sequence
from typing import Any, Final

Message = dict[str, Any]
TYPE: Final = "talos/runtime/machine."
# phases, each with its one task
BOOT: Final = (("ephemeral", "mountEphemeralPartition"), ("startEverything", "startAllServices"))
REBOOT: Final = (
    ("drain", "cordonAndDrainNode"),
    ("cleanup", "stopAllPods"),
    ("stopServices", "stopAllServices"),
    ("volumeFinalize", "closeVolumes"),
    ("reboot", "reboot"),
)
# of a reset that is graceful, takes EPHEMERAL and reboots
RESET: Final = (
    ("drain", "cordonAndDrainNode"),
    ("leave", "leaveEtcd"),
    ("cleanup", "stopAllPods"),
    ("preReset", "sendResetSignal"),
    ("stopServices", "stopAllServices"),
)


def steps(sequence: str, phases: Sequence[tuple[str, str]]) -> list[Message]:
    """The data of all its events."""
    found: list[Message] = [{"@type": f"{TYPE}SequenceEvent", "sequence": sequence, "action": "START"}]
    for phase, task in phases:
        began = [{"@type": f"{TYPE}PhaseEvent", "phase": phase}, {"@type": f"{TYPE}TaskEvent", "task": task}]
        found += [*began, *({**event, "action": "STOP"} for event in reversed(began))]
    return [*found, {"@type": f"{TYPE}SequenceEvent", "sequence": sequence, "action": "STOP"}]
