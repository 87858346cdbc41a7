"""Short programs of the image (mkfs, modprobe): run to the end, with what they printed. Says what a runner is; the real
one is `runner` over the node's one way to spawn, tests bring their own."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended: its exit status (negative: the signal) and what it printed, both streams."""

    status: int
    output: str


Run = Callable[[Sequence[str]], Awaitable[Done]]
