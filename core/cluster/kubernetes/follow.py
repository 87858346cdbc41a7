"""Following a collection: a list, then each change behind it, then a list again when the server has forgotten where we
were. Keeps what it follows only for as long as somebody iterates; hides no failure."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final

from core.base.errors import NotReady
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.paths import Collection, Object, named, version, within
from core.cluster.kubernetes.refusal import Expired
from core.cluster.kubernetes.watching import Event

_BRIEF: Final = 1.0  # seconds that a watch lasts at the least when its server is well
Followed = Mapping[tuple[str, str], Object]
"""By namespace and name."""


async def follow(
    kubernetes: Kubernetes, where: Collection, namespace: str = "", *, labels: str = "", fields: str = ""
) -> AsyncGenerator[Followed]:
    """All there are, after the list and after each change; it is the same mapping each time. Goes on behind a watch
    that the server has ended. Raises what the calls raise: who wants to go on asks anew, after a while."""
    selectors = {"labels": labels, "fields": fields}
    while True:
        listed = await kubernetes.list(where, namespace, **selectors)
        held = {(within(thing), named(thing)): thing for thing in listed["items"] or ()}
        since = version(listed)
        yield held
        try:
            while True:
                begun, heard = asyncio.get_running_loop().time(), False
                async with aclosing(kubernetes.watch(where, since, namespace, **selectors)) as watch:
                    async for event in watch:
                        heard, since = True, version(event.thing)
                        if event.kind != "BOOKMARK":
                            _take(held, event)
                            yield held
                if not heard and asyncio.get_running_loop().time() - begun < _BRIEF:
                    raise NotReady(f"the apiserver ends watches of {where.plural} as soon as they begin")
        except Expired:
            continue


def _take(held: dict[tuple[str, str], Object], event: Event) -> None:
    key = within(event.thing), named(event.thing)
    if event.kind == "DELETED":
        held.pop(key, None)
    else:
        held[key] = event.thing
