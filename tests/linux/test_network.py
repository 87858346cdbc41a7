"""Changes of a namespace as an asynchronous stream, with the word that some were lost."""

import asyncio

from core.linux import link
from core.linux.network import Network
from ext.netlink.socket import Changes
from tests.support.clock import on_loop
from tests.support.netns import namespace


@on_loop
async def test_changes_come_as_batches_after_a_first_empty_one() -> None:
    with namespace() as near, Network(near.fd) as network:
        batches: asyncio.Queue[Changes] = asyncio.Queue()

        async def listen() -> None:
            async for batch in network.changes([link.GROUP]):
                batches.put_nowait(batch)

        task = asyncio.create_task(listen())
        assert not await batches.get()
        link.create_veth(network.rtnl, "v0", "v1")
        assert await batches.get()
        # more than the receive buffer holds, before the loop has a chance to read: lost, and said so
        near.batch(*(f"link add a{n} type veth peer name b{n}" for n in range(700)))
        while await batches.get():
            continue
        assert len(network.links()) == 1403
        task.cancel()
        await asyncio.wait([task])
