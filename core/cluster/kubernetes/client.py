"""A client of the Kubernetes API: what is asked of a kube-apiserver, in JSON over HTTP/2. Owns the words of the
requests and their deadlines; keeps no copy of what it read and judges nothing that is answered."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from enum import StrEnum
from typing import Any, Final, Self

import msgspec

from core.base.errors import Invalid
from core.cluster.kubernetes import watching
from core.cluster.kubernetes.exchange import Exchange, Fields
from core.cluster.kubernetes.paths import Collection, Object, named, query, within
from core.cluster.kubernetes.watching import Event
from core.rpc.client import Channel
from core.rpc.tls import ClientTLS

SECONDS: Final = 30.0
DIAL_SECONDS: Final = 5.0
MANAGER: Final = "ichor"
"""Whose fields are those that are applied here, unless another is said."""
_JSON: Final = "application/json"
_APPLY: Final = "application/apply-patch+yaml"  # of which JSON is a part


class Patch(StrEnum):
    """Ways to say a change (API concepts, "Patch")."""

    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    JSON = "application/json-patch+json"


class Kubernetes:
    """One apiserver, or a balancer before several: `server` is "host:port". Every call raises NotReady when it is not
    reached, else what it refused with: NotFound, AlreadyExists, Conflict, Denied, Invalid, TooMany, Unsupported."""

    def __init__(self, server: str, tls: ClientTLS, token: str = "") -> None:
        self._channel = Channel(server, tls, timeout=DIAL_SECONDS)
        self._fields: Fields = [(b"accept", b"application/json"), (b"user-agent", b"ichor")]
        if token:
            self._fields.append((b"authorization", b"Bearer " + token.encode()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection and every call on it."""
        await self._channel.close()

    async def get(self, where: Collection, name: str, namespace: str = "") -> Object:
        """One thing."""
        return await self.ask("GET", where.path(namespace, name))

    async def list(self, where: Collection, namespace: str = "", *, labels: str = "", fields: str = "") -> Object:
        """All, or those that the selectors take: a list with `items`, whose kinds and versions it says once for all,
        and its `metadata.resourceVersion`."""
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        return await self.ask("GET", query(where.path(namespace), selectors))

    async def create(self, where: Collection, thing: Object) -> Object:
        """A new one, as it is now."""
        return await self.ask("POST", where.path(within(thing)), thing)

    async def replace(self, where: Collection, thing: Object, part: str = "") -> Object:
        """Put the whole thing, or a part such as `status`, where the version in it still is the current one."""
        return await self.ask("PUT", where.path(within(thing), named(thing), part), thing)

    async def apply(
        self, where: Collection, thing: Object, *, manager: str = MANAGER, force: bool = True, dry: bool = False
    ) -> Object:
        """Server-side apply: `thing` holds the fields that are the manager's, and no others of his remain. Not `force`:
        raises Conflict where another manager has one of them. `dry` changes nothing."""
        words = {"fieldManager": manager, "force": "true" if force else "", "dryRun": "All" if dry else ""}
        path = query(where.path(within(thing), named(thing)), words)
        return await self.ask("PATCH", path, thing, kind=_APPLY)

    async def patch(
        self,
        where: Collection,
        name: str,
        change: Object | Sequence[Object],
        namespace: str = "",
        *,
        kind: Patch = Patch.MERGE,
        part: str = "",
    ) -> Object:
        """Change what is there; a version in the change makes it conditional."""
        path = query(where.path(namespace, name, part), {"fieldManager": MANAGER})
        return await self.ask("PATCH", path, change, kind=kind)

    async def delete(self, where: Collection, name: str, namespace: str = "", *, uid: str = "") -> None:
        """Have it go, what it owns behind it; with `uid` only if it still is that one."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        await self.ask("DELETE", where.path(namespace, name), options)

    async def evict(self, name: str, namespace: str, api: str) -> None:
        """Have a pod go as its disruption budgets allow: raises TooMany where they do not. `api` is the version of
        Eviction that the server knows: policy/v1 since 1.22, policy/v1beta1 before."""
        path = Collection("v1", "pods", namespaced=True).path(namespace, name, "eviction")
        metadata = {"name": name, "namespace": namespace}
        await self.ask("POST", path, {"apiVersion": api, "kind": "Eviction", "metadata": metadata})

    async def watch(
        self, where: Collection, since: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> AsyncGenerator[Event]:
        """What changes behind a version, bookmarks among it, until the server ends the watch, which it does every few
        minutes. Raises Expired when it has forgotten that version."""
        words = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": since}
        path = query(where.path(namespace), words | {"labelSelector": labels, "fieldSelector": fields})
        async with aclosing(watching.events(Exchange(self._channel, "GET", path, self._fields))) as events:
            async for event in events:
                yield event

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | Sequence[Object] | None = None,
        *,
        kind: str = _JSON,
        seconds: float = SECONDS,
    ) -> Object:
        """Any request; the answer's object."""
        fields = self._fields if body is None else [*self._fields, (b"content-type", kind.encode())]
        data = b"" if body is None else msgspec.json.encode(body)
        answer = await Exchange(self._channel, method, path, fields, data).whole(seconds)
        try:
            return msgspec.json.decode(answer, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Invalid(f"{method} {path}: the answer is not an object of JSON") from None

    async def text(self, path: str, *, seconds: float = SECONDS) -> bytes:
        """An answer that is no object: a health check, a pod's log."""
        return await Exchange(self._channel, "GET", path, self._fields).whole(seconds)
