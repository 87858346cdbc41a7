"""What the steps of sequences do. Each is harmless to repeat, because a sequence may go on in a successor of machined.
Nothing here has an effect of its own on disks, links or services: it waits on resources or asks the owner."""

import asyncio
from typing import Final

from core.linux.power import Action, end
from core.node.machineconfig import ACTIVE
from core.node.node import Node
from core.node.resources.block import MountStatus, VolumeLifecycle
from core.node.resources.config import MachineConfig, MachineTypeSpec
from core.node.resources.k8s import KubeletLifecycle
from core.node.services.states import State
from core.node.waiting import torn_down, until

PODS_SECONDS: Final = 180.0
STOP_SECONDS: Final = 60.0  # then the machine ends without them: a process stuck in the kernel must not hold it
CLOSE_SECONDS: Final = 10.0  # init unmounts what is busy until then, once nothing runs that could use it


async def load_config(node: Node) -> None:
    """Until there is a config in force, however long an operator takes."""
    await until(node.store, MachineConfig.at(ACTIVE), lambda _: True)


async def mount_ephemeral(node: Node) -> None:
    """Until /var is there."""
    await until(node.store, MountStatus.at("EPHEMERAL"), lambda _: True)


async def start_services(node: Node) -> None:
    """Until every service is up, but for those that wait for an operator or for others' machines."""
    kind = await until(node.store, MachineTypeSpec.at("machine-type"), lambda _: True)
    units = [unit for unit in node.services.units.values() if unit.service.ours and not unit.service.on_demand]
    wanted = [unit for unit in units if kind.machine_type.control_plane or not unit.service.for_leaders]
    for unit in units:
        if unit not in wanted and unit.state is not State.SKIPPED:
            node.services.skip(unit.service.id, "Only control planes run it")
    for unit in wanted:  # machined may have been killed while it stopped one
        await unit.until(lambda unit: unit.state is not State.STOPPING)
    node.services.start(*(unit.service.id for unit in wanted))
    for unit in wanted:
        if unit.service.awaited:
            await unit.until(lambda unit: unit.up)


async def stop_pods(node: Node) -> None:
    """The kubelet down, then its pods, each with time to end by itself. Raises TimeoutError."""
    await node.runtime.rested()  # in the next machined: until who ends them holds what is torn down
    async with asyncio.timeout(PODS_SECONDS):
        await torn_down(node.store, KubeletLifecycle.at("kubelet"))


async def stop_services(node: Node) -> None:
    """Everything down, dependents first. Raises TimeoutError, and ExceptionGroup of what would not stop."""
    async with asyncio.timeout(STOP_SECONDS):
        await node.services.stop_all()


async def close_volumes(node: Node) -> None:
    """All unmounted, the last mounted first. Raises TimeoutError if one stays in use."""
    await node.runtime.rested()
    async with asyncio.timeout(CLOSE_SECONDS):
        await torn_down(node.store, VolumeLifecycle.at("volumes"))


async def reboot(node: Node) -> None:
    """init takes over: kill, write back, reboot(2)."""
    end(node.init, Action.REBOOT)


async def power_off(node: Node) -> None:
    """init takes over: kill, write back, power off."""
    end(node.init, Action.POWEROFF)
