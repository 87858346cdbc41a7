"""The service that checks the running image -> ImageCheck: what it does or has found. The last result stays until the
next check begins, whoever dies in between."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from core.node.resources.runtime import ImageCheck
from core.node.resources.services import Service
from core.state import Controller, Scope, weak
from core.state.shapes import observe

SERVICE = "imagecheck"


def image_check(look: Callable[[], Awaitable[ImageCheck]], said: Callable[[], AsyncIterator[object]]) -> Controller:
    """Id `image`, as `look` sees it: whenever the service comes, goes or says something (`said`)."""

    async def see(_: Scope) -> Mapping[str, ImageCheck]:
        return {"image": await look()}

    return observe("runtime.ImageCheckController", ImageCheck, see, said, also=(weak(Service.at(SERVICE)),))
