"""How a controller that follows the API server does so: with the client that its inputs call for now, and anew with
another one when they change."""

import asyncio
from collections.abc import Awaitable, Callable

from core.cluster.kubernetes import kubeconfig
from core.cluster.kubernetes.client import Kubernetes


class Asking:
    """`reconcile` says with which kubeconfig, `work` runs what is done with it."""

    def __init__(self) -> None:
        self._config = b""
        self._changed = asyncio.Event()

    def by(self, config: bytes) -> None:
        """From now on ask by this one; by none, if it is empty."""
        if config != self._config:
            self._config = config
            self._changed.set()

    async def each(self, use: Callable[[Kubernetes], Awaitable[None]]) -> None:
        """Run `use` with a client for each kubeconfig, until cancelled. What it raises is raised here, and the next
        call begins with the same kubeconfig."""
        while True:
            self._changed.clear()
            if not self._config:
                await self._changed.wait()
                continue
            async with kubeconfig.connect(self._config) as kubernetes:
                await self._until_changed(use(kubernetes))

    async def _until_changed(self, use: Awaitable[None]) -> None:
        using, changed = asyncio.ensure_future(use), asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((using, changed), return_when=asyncio.FIRST_COMPLETED)
            if using.done():
                await using
        finally:
            using.cancel()
            changed.cancel()
            await asyncio.wait((using, changed))
