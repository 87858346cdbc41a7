"""How a controller that follows the API server does so: with the client that its inputs call for now, and anew with
another one when they change."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from core.cluster.kubernetes import kubeconfig
from core.cluster.kubernetes.client import Kubernetes

Use = Callable[[Kubernetes, str], Coroutine[Any, Any, None]]


class Asking:
    """`reconcile` says with which kubeconfig and about what, `work` runs what is done with it."""

    def __init__(self) -> None:
        self._asked = b"", ""
        self._changed = asyncio.Event()

    def by(self, config: bytes, about: str = "") -> None:
        """From now on ask by this one; by none, if it is empty."""
        if (config, about) != self._asked:
            self._asked = config, about
            self._changed.set()

    async def each(self, use: Use) -> None:
        """Run `use` with a client, and with what is asked about, for each kubeconfig, until cancelled. What it raises
        is raised here, and the next call begins with the same kubeconfig."""
        while True:
            self._changed.clear()
            config, about = self._asked
            if not config:
                await self._changed.wait()
                continue
            async with kubeconfig.connect(config) as kubernetes:
                await self._until_changed(use(kubernetes, about))

    async def _until_changed(self, use: Coroutine[Any, Any, None]) -> None:
        using, changed = asyncio.ensure_future(use), asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((using, changed), return_when=asyncio.FIRST_COMPLETED)
            if using.done():
                await using
        finally:
            using.cancel()
            changed.cancel()
            await asyncio.wait((using, changed))
