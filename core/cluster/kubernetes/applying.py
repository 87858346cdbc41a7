"""Making a cluster have what manifests say: server-side apply of each object, an inventory of them in the cluster, and
taking away what was applied and is in no manifest any more. Never takes away what it has not applied itself."""

import logging
from collections.abc import Collection as Several
from collections.abc import Sequence
from typing import Final

from core.base.errors import Conflict, IchorError, Invalid, NotFound, NotReady
from core.cluster.kubernetes import inventory
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.discovery import Kinds
from core.cluster.kubernetes.inventory import Entry
from core.cluster.kubernetes.paths import CONFIG_MAPS, Object

MANAGER: Final = "talos"  # the format's name for who applies manifests
LEASE: Final = "ichor-manifests"  # whoever holds it is the one who applies, in the inventory's namespace
OWNER: Final = "config.k8s.io/owning-inventory"
_LOG: Final = logging.getLogger("manifests")


class Applying:
    """One go at it, by an administrator's client. `force` takes over fields that another manager has."""

    def __init__(self, kubernetes: Kubernetes, *, force: bool = True) -> None:
        self._kubernetes, self._kinds, self._force = kubernetes, Kinds(kubernetes), force

    async def placed(self, thing: Object) -> Object:
        """The object as it is applied: with the namespace that it is in, where its kind is in one, and a mark that it
        is ours. Raises Invalid, NotFound for a kind that the cluster does not know."""
        entry = Entry.of(thing)
        where = await self._kinds.find(entry.api, entry.kind)
        metadata = {key: value for key, value in thing["metadata"].items() if key != "namespace"}
        if where.namespaced:
            metadata["namespace"] = entry.namespace or "default"
        metadata["annotations"] = {**(metadata.get("annotations") or {}), OWNER: inventory.NAME}
        return {**thing, "metadata": metadata}

    async def apply(self, things: Sequence[Object]) -> list[IchorError]:
        """Each of them, written down first, in the order in which they need each other; what is refused does not keep
        the others. Raises NotReady when the server is not there (any more)."""
        refused, late = list[IchorError](), list[Object]()
        for first in (True, False):  # kinds that come with these manifests are known behind the first round alone
            known = list[Object]()
            for thing in inventory.order(things) if first else late:
                try:
                    known.append(await self.placed(thing))
                except NotFound as error:
                    if first:
                        late.append(thing)
                    else:
                        refused.append(error)
                except Invalid as error:
                    refused.append(error)
            await self._note(known)
            refused += [failure for thing in known if (failure := await self._put(thing)) is not None]
        return refused

    async def _put(self, thing: Object) -> IchorError | None:
        where = await self._kinds.find(thing["apiVersion"], thing["kind"])
        try:
            await self._kubernetes.apply(where, thing, manager=MANAGER, force=self._force)
        except NotReady:
            raise
        except IchorError as error:
            return type(error)(f"{Entry.of(thing)}: {error.message}")
        return None

    async def prune(self, kept: Several[Object]) -> list[Entry]:
        """Take away what the inventory names and is not of `kept`; what went."""
        written = await self._inventory()
        keep = {Entry.of(await self.placed(thing)).key for thing in kept}
        gone = [entry for entry in inventory.read(written) if entry.key not in keep]
        removed = [entry for entry in reversed(gone) if await self._remove(entry)]
        if gone:
            await self._forget(gone)
        return removed

    async def _remove(self, entry: Entry) -> bool:
        try:
            where = await self._kinds.find(entry.api, entry.kind)
            found = await self._kubernetes.get(where, entry.name, entry.namespace)
        except NotFound:
            return False
        if entry.holds_others or not _ours(found):
            _LOG.info("%s is in no manifest any more; it stays, for there may be in it what others made", entry)
            return False
        try:
            await self._kubernetes.delete(where, entry.name, entry.namespace, uid=found["metadata"]["uid"])
        except (NotFound, Conflict):
            return False  # somebody was faster, or made another in its place
        _LOG.info("%s is in no manifest any more: removed", entry)
        return True

    async def _inventory(self) -> dict[str, str]:
        try:
            found = await self._kubernetes.get(CONFIG_MAPS, inventory.NAME, inventory.NAMESPACE)
        except NotFound:
            return {}
        return found.get("data") or {}

    async def _note(self, things: Sequence[Object]) -> None:
        if things:
            await self._change(dict(inventory.write(map(Entry.of, things))))

    async def _forget(self, entries: Sequence[Entry]) -> None:
        await self._change(dict.fromkeys(inventory.write(entries)))

    async def _change(self, data: dict[str, str] | dict[str, None]) -> None:
        change: Object = {"data": data}
        try:
            await self._kubernetes.patch(CONFIG_MAPS, inventory.NAME, change, inventory.NAMESPACE)
        except NotFound:
            metadata = {"name": inventory.NAME, "namespace": inventory.NAMESPACE}
            await self._kubernetes.create(CONFIG_MAPS, {"metadata": metadata, **change})


def _ours(thing: Object) -> bool:
    """Whether it is what was applied here, and not what somebody has made in its place. Who manages which field does
    not say that: an object without fields has no managers."""
    return (thing["metadata"].get("annotations") or {}).get(OWNER) == inventory.NAME
