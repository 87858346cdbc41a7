"""Short programs of the image (mkfs, modprobe): run to the end, with what they printed. `runner` is the real one, over
the node's one way to spawn; tests may bring another."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from core.linux import process

# mkfs of a large disk and a driver that probes a slow bus both take seconds; past this something hangs
TIMEOUT: Final = 120.0


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended: its exit status (negative: the signal) and what it printed, both streams."""

    status: int
    output: str


Run = Callable[[Sequence[str]], Awaitable[Done]]


async def runner(command: Sequence[str]) -> Done:
    """Run `command` (its program by absolute path) for at most TIMEOUT seconds. Raises OSError, TimeoutError."""
    result = await process.run(command, timeout=TIMEOUT)
    return Done(result.code, result.output.decode(errors="replace"))
