"""Whether the clock can be believed."""

from pathlib import Path

from core.base.clock import Clock
from core.codec.ntp import Sample
from core.linux.capabilities import Capabilities
from core.linux.network import Network
from core.linux.ntp import query
from core.linux.timekeeping import KernelClock
from core.node.controllers.time.sync import FILE, TimeSync
from core.state import Controller

__all__ = ["TimeSync", "time"]


def time(
    network: Network, clock: Clock, capabilities: Capabilities, built: float, file: Path = FILE
) -> list[Controller]:
    """All controllers of the domain. `built` is the image's build date, before which no clock is right."""

    async def ask(server: str) -> Sample:
        return await query(network, server, clock)

    return [TimeSync(ask, clock, KernelClock(capabilities) if capabilities.clock else None, built, file)]
