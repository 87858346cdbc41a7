"""The sequences of a node. Names of phases and tasks are those that clients look for in events."""

from typing import Final

from core.node.lifecycle import leaving, resetting, tasks
from core.node.lifecycle.sequence import CLOSED, Phase, Sequence, Task

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
        Phase("drain", (Task("cordonAndDrainNode", leaving.cordon_and_drain),)),
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
        Phase("drain", (Task("cordonAndDrainNode", leaving.cordon_and_drain),)),
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
        Phase("drain", (Task("cordonAndDrainNode", leaving.cordon_and_drain),), when=lambda reset: reset.graceful),
        # while nothing is lost: who may not leave goes on as what it was
        Phase(
            "leave",
            (Task("leaveEtcd", resetting.leave_etcd),),
            when=lambda reset: reset.graceful and reset.forgets,
            gate=True,
        ),
        Phase("cleanup", (Task("stopAllPods", tasks.stop_pods),)),
        Phase("preReset", (Task("sendResetSignal", resetting.say_goodbye),), when=lambda reset: reset.forgets),
        Phase("stopServices", (Task("stopAllServices", tasks.stop_services),)),
        Phase(CLOSED, (Task("closeVolumes", tasks.close_volumes),)),
        Phase("reset", (Task("resetSystemDiskSpec", resetting.wipe_volumes), Task("resetDisks", resetting.wipe_disks))),
        Phase("reboot", (Task("reboot", tasks.reboot),), when=lambda reset: reset.reboot),
        Phase("shutdown", (Task("shutdown", tasks.power_off),), when=lambda reset: not reset.reboot),
    ),
    final=True,
)
SEQUENCES: Final = {sequence.name: sequence for sequence in (INITIALIZE, BOOT, REBOOT, SHUTDOWN, RESET)}
