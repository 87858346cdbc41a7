"""The sequences of a node. Names of phases and tasks are those that clients look for in events."""

from typing import Final

from core.node.lifecycle import leaving, tasks
from core.node.lifecycle.sequence import Phase, Sequence, Task

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
        Phase("volumeFinalize", (Task("closeVolumes", tasks.close_volumes),)),
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
        Phase("volumeFinalize", (Task("closeVolumes", tasks.close_volumes),)),
        Phase("shutdown", (Task("shutdown", tasks.power_off),)),
    ),
    final=True,
)
SEQUENCES: Final = {sequence.name: sequence for sequence in (INITIALIZE, BOOT, REBOOT, SHUTDOWN)}
