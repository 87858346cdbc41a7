"""Service -> an etcd that is started anew when its membership ended behind its back: the others were recovered without
this node, or removed it, while it was cut off. It cannot know by itself, and would wait for ever for a quorum that is
no more; whoever starts it asks the others first."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from core.base.errors import NotReady
from core.cluster.etcd.join import outlived
from core.node.etcd.place import Place
from core.node.resources.services import Service
from core.state import Controller, Scope, weak

EVERY: Final = 5.0  # s; asked only while etcd runs without being healthy
_SERVICE: Final = Service.at("etcd")


class Outlived(Controller):
    """`renew` ends etcd's process for the next to be started at once."""

    name = "etcd.OutlivedController"
    inputs = (weak(_SERVICE),)

    def __init__(self, place: Place, renew: Callable[[], Awaitable[None]]) -> None:
        self._place, self._renew = place, renew
        self._ill = asyncio.Event()

    async def reconcile(self, scope: Scope) -> None:
        if _ill(scope):
            self._ill.set()
        else:
            self._ill.clear()

    async def work(self, scope: Scope) -> None:
        """Beside the store: the others may take their time."""
        while True:
            await self._ill.wait()
            with suppress(NotReady):  # it ended meanwhile, or this node's keys are not known yet
                await self._look(scope)
            await scope.clock.sleep(EVERY)

    async def _look(self, scope: Scope) -> None:
        async with self._place.reach() as reach:
            ended = await outlived(self._place.local, reach)
        if ended and _ill(scope):
            await self._renew()


def _ill(scope: Scope) -> bool:
    """It runs, and was found not to serve."""
    service = scope.find(_SERVICE)
    return service is not None and service.spec.running and not (service.spec.unknown or service.spec.healthy)
