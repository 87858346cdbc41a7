"""Which collection the things of a kind are in, as the server says (API concepts, "API discovery"). Keeps what it was
told for as long as it lives; what it was not told it asks again, for kinds come with their definitions."""

from core.base.errors import NotFound
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.paths import Collection


class Kinds:
    """Of one server."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes
        self._known = dict[tuple[str, str], Collection]()

    async def find(self, api: str, kind: str) -> Collection:
        """Raises NotFound for a kind that the server does not know."""
        try:
            if (api, kind) not in self._known:
                await self._learn(api)
            return self._known[api, kind]
        except (KeyError, NotFound):
            raise NotFound(f"the cluster knows no {kind} in {api}") from None

    async def _learn(self, api: str) -> None:
        listed = await self._kubernetes.ask("GET", f"/{'apis' if '/' in api else 'api'}/{api}")
        for each in listed["resources"]:
            if "/" not in each["name"]:
                self._known[api, each["kind"]] = Collection(api, each["name"], each["namespaced"])
