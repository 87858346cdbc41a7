"""Kubernetes, Member -> nothing: kubelets' requests for certificates are approved or denied, by every control plane:
the first to answer counts. What has to wait is looked at again while it is young."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Final, Self

from core.base.clock import Clock
from core.base.errors import Conflict, NotFound
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.follow import Followed, follow
from core.cluster.kubernetes.paths import NODES, REQUESTS, Object, named
from core.cluster.kubernetes.requests import Answer, Known, Verdict, judge
from core.node.controllers.k8s.asking import Asking
from core.node.resources.cluster import Member
from core.node.resources.secrets import Kubernetes as Secrets
from core.node.resources.services import Service
from core.state import Controller, Scope, weak

AGAIN: Final = 10.0  # seconds until what has to wait is judged anew
YOUNG: Final = 3600.0  # seconds; a kubelet gives up and asks anew after 15 minutes
_SECRETS: Final = Secrets.at("k8s-certs")
_ETCD: Final = Service.at("etcd")
_LOG: Final = logging.getLogger("approval")


class Approval(Controller):
    """Of requests that nobody has answered."""

    name = "k8s.CertificateApprovalController"
    inputs = (weak(_SECRETS), weak(_ETCD), weak(Member))

    def __init__(self, clock: Clock, again: float = AGAIN) -> None:
        self._clock, self._again, self._asking = clock, again, Asking()
        self._members = dict[str, tuple[str, ...]]()
        self._said = dict[str, str]()  # why each waits

    async def reconcile(self, scope: Scope) -> None:
        secrets, etcd = scope.find(_SECRETS), scope.find(_ETCD)
        self._members = {member.md.id: member.spec.addresses for member in scope.list(Member.all())}
        serves = etcd is not None and etcd.spec.ready
        self._asking.by(secrets.spec.localhost_admin_kubeconfig.encode() if serves and secrets is not None else b"")

    async def work(self, scope: Scope) -> None:
        await self._asking.each(self._follow)

    async def _follow(self, kubernetes: Kubernetes, _: str) -> None:
        waiting = False
        async with _Following(follow(kubernetes, REQUESTS)) as following:
            while True:
                held = await following.next(self._again if waiting else None)
                waiting = await self._answer(kubernetes, [request for request in held.values() if _open(request)])

    async def _answer(self, kubernetes: Kubernetes, requests: list[Object]) -> bool:
        """Judge each; whether some have to wait."""
        self._said = {name: why for name, why in self._said.items() if name in map(named, requests)}
        if not requests:
            return False
        listed = await kubernetes.list(NODES)
        known = Known({named(node): node for node in listed["items"]}, self._members)
        waiting = False
        for request in requests:
            verdict = judge(request, known)
            if verdict.answer is Answer.WAIT:
                waiting = self._wait(request, verdict) or waiting
            elif verdict.answer is not Answer.LEAVE:
                await self._write(kubernetes, request, verdict)
        return waiting

    def _wait(self, request: Object, verdict: Verdict) -> bool:
        name = named(request)
        if self._said.get(name) != verdict.reason:
            _LOG.warning("certificate request %s of %s waits: %s", name, _asker(request), verdict.reason)
            self._said[name] = verdict.reason
        made = datetime.fromisoformat(request["metadata"]["creationTimestamp"]).timestamp()
        return self._clock.now() - made < YOUNG

    async def _write(self, kubernetes: Kubernetes, request: Object, verdict: Verdict) -> None:
        good, now = verdict.answer is Answer.APPROVE, datetime.fromtimestamp(self._clock.now(), UTC)
        condition = {
            "type": "Approved" if good else "Denied",
            "status": "True",
            "reason": "IchorApproved" if good else "IchorDenied",
            "message": verdict.reason,
            "lastUpdateTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        status = {**request.get("status", {}), "conditions": [condition]}
        try:
            await kubernetes.replace(REQUESTS, {**request, "status": status}, "approval")
        except (Conflict, NotFound):
            return  # another control plane was faster
        word = "approved" if good else "denied"
        _LOG.info("certificate request %s of %s %s: %s", named(request), _asker(request), word, verdict.reason)


class _Following:
    """The states of what is followed, and the last one again after a while."""

    def __init__(self, states: AsyncGenerator[Followed]) -> None:
        self._states = states
        self._next: asyncio.Future[Followed] | None = None
        self._last: Followed = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait([self._next])
        await self._states.aclose()

    async def next(self, seconds: float | None) -> Followed:
        """The next one, or after `seconds` the last one once more."""
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._states))
        await asyncio.wait([self._next], timeout=seconds)
        if self._next.done():
            coming, self._next = self._next, None
            self._last = await coming
        return self._last


def _open(request: Object) -> bool:
    return not request.get("status", {}).get("conditions")


def _asker(request: Object) -> str:
    return str(request["spec"].get("username", ""))
