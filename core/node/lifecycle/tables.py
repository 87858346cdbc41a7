"""The sequences of a node. Names of phases and tasks are those that clients look for in events."""

from typing import Final

from core.node.lifecycle import leaving, resetting, tasks
from core.node.lifecycle.sequence import CLOSED, Phase, Sequence, Task

_DRAIN: Final = Task("cordonAndDrainNode", leaving.cordon_and_drain)
_DRAIN_FIRST: Final = Task("cordonAndDrainNode", leaving.drain_first)
INITIALIZE: Final = Sequence(
    "initialize",
    (Phase("config", (Task("loadConfig", tasks.load_config),)),),
)
BOOT: Final = Sequence(
    "boot",
    (
        Phase("ephemeral", (Task("mountEphemeralPartition", tasks.mount_ephemeral),)),
        Phase("startEverything", (Task("startAllServices", tasks.start_services),)),
    ),
)
REBOOT: Final = Sequence(
    "reboot",
    (
        Phase("drain", (_DRAIN,), when=lambda order: not order.patience),
        Phase("drain", (_DRAIN_FIRST,), when=lambda order: order.patience > 0, gate=True),
        Phase("cleanup", (Task("stopAllPods", tasks.stop_pods),)),
        Phase("stopServices", (Task("stopAllServices", tasks.stop_services),)),
        Phase(CLOSED, (Task("closeVolumes", tasks.close_volumes),)),
        Phase("reboot", (Task("reboot", tasks.reboot),)),
    ),
    final=True,
)
SHUTDOWN: Final = Sequence(
    "shutdown",
    (
        Phase("drain", (_DRAIN,)),
        Phase("cleanup", (Task("stopAllPods", tasks.stop_pods),)),
        Phase("stopServices", (Task("stopAllServices", tasks.stop_services),)),
        Phase(CLOSED, (Task("closeVolumes", tasks.close_volumes),)),
        Phase("shutdown", (Task("shutdown", tasks.power_off),)),
    ),
    final=True,
)
RESET: Final = Sequence(
    "reset",
    (
        Phase("drain", (_DRAIN,), when=lambda order: order.graceful),
        # while nothing is lost: who may not leave goes on as what it was
        Phase(
            "leave",
            (Task("leaveEtcd", resetting.leave_etcd),),
            when=lambda order: order.graceful and order.forgets,
            gate=True,
        ),
        Phase("cleanup", (Task("stopAllPods", tasks.stop_pods),)),
        Phase("preReset", (Task("sendResetSignal", resetting.say_goodbye),), when=lambda order: order.forgets),
        Phase("stopServices", (Task("stopAllServices", tasks.stop_services),)),
        Phase(CLOSED, (Task("closeVolumes", tasks.close_volumes),)),
        Phase("reset", (Task("resetSystemDiskSpec", resetting.wipe_volumes), Task("resetDisks", resetting.wipe_disks))),
        Phase("reboot", (Task("reboot", tasks.reboot),), when=lambda order: order.reboot),
        Phase("shutdown", (Task("shutdown", tasks.power_off),), when=lambda order: not order.reboot),
    ),
    final=True,
)
SEQUENCES: Final = {sequence.name: sequence for sequence in (INITIALIZE, BOOT, REBOOT, SHUTDOWN, RESET)}
