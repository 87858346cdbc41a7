"""A network for nodes in this process."""

from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.cli.rotation.nodes import ADDRESSES
from tests.support.netns import Namespace, cable, on_loop_in

Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    """Where the nodes' addresses are."""
    with cable() as (near, _):
        near.ip("link", "set", "lo", "up")
        for address in ADDRESSES.values():
            near.ip("address", "add", f"{address}/32", "dev", "lo")
        for name in ("cp-1", "cp-2"):  # who dials them from here is the worker, by its address
            near.ip(
                "route", "replace", "local", ADDRESSES[name], "dev", "lo", "table", "local", "src", ADDRESSES["w-1"]
            )
        yield near


@pytest.fixture
def run(space: Namespace) -> Run:
    """Runs a test there."""

    def play(test: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            await test()

        on_loop_in(space, main)

    return play
