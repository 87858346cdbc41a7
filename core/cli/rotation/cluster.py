"""A cluster's Kubernetes as an exchange of its authority sees it: asked as an administrator whose kubeconfig a control
plane makes anew each time, for what no single node can tell: whether pods are back after their kubelet was started,
and whom pods are given to believe."""

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from core.base.errors import Conflict, Denied, NotFound
from core.cli.rotation.authorities import identity
from core.cli.rotation.members import Members
from core.cluster.kubernetes import kubeconfig
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.paths import CONFIG_MAPS, NODES, PODS, SECRETS, Object, holds, named, within
from core.pki import pem

_PROBED: Final = re.compile(r"^prober_probe_total\{(?P<labels>[^}]*)\} (?P<count>[0-9.e+]+)$", re.M)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
_MIRROR: Final = "kubernetes.io/config.mirror"
_ROOT_CA: Final = "kube-root-ca.crt"
_TOKENS: Final = "type=kubernetes.io/service-account-token"
Uids = frozenset[str]


class Cluster:
    """`leader` is the control plane that makes kubeconfigs; `endpoint` a URL that is asked in place of theirs."""

    def __init__(self, members: Members, leader: str, endpoint: str = "") -> None:
        self._members, self._leader, self._endpoint = members, leader, endpoint

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Kubernetes]:
        """An administrator's. Raises RpcError."""
        async with kubeconfig.connect(await self.kubeconfig(), server=self._endpoint) as kubernetes:
            yield kubernetes

    async def kubeconfig(self) -> bytes:
        """Made now, with the cluster's own endpoint. Raises RpcError."""
        return await self._members.kubeconfig(self._leader)

    async def serving(self, name: str) -> Uids:
        """The pods on a node that are ready. Raises RpcError, NotReady."""
        async with self.client() as kubernetes:
            return frozenset(_uid(pod) for pod in await self._pods(kubernetes, name) if holds(pod, "Ready"))

    async def lacks(self, name: str, before: Uids) -> str:
        """What is missing until a node whose kubelet was started anew is as it was: it is ready, its kubelet itself
        found ready what it looks at, and all pods of `before` that are still there are ready by the API's word. A
        kubelet that starts takes pods for unready until it has looked, and tells so. Raises RpcError, NotReady."""
        async with self.client() as kubernetes:
            node = await self._members.nodename(name)
            if not holds(await kubernetes.get(NODES, node), "Ready"):
                return f"node {node} is not ready"
            pods = [pod for pod in await self._pods(kubernetes, name) if _uid(pod) in before]
            try:
                told = await kubernetes.text(f"{NODES.path('', node, 'proxy')}/metrics/probes")
            except (Conflict, Denied, NotFound) as error:
                return f"its kubelet is not asked: {error}"
            looked = found_ready(told.decode())
        for pod in pods:
            if not holds(pod, "Ready") or not _probed(pod) <= looked:
                return f"pod {within(pod)}/{named(pod)} is not ready again"
        return ""

    async def told(self, wanted: frozenset[str], gone: frozenset[str]) -> str:
        """What is missing until pods are given all of `wanted` and none of `gone` to believe: those that start read it
        from their namespace, or from the secret with their token. Raises RpcError, NotReady."""
        async with self.client() as kubernetes:
            maps = (await kubernetes.list(CONFIG_MAPS, fields=f"metadata.name={_ROOT_CA}"))["items"] or ()
            secrets = (await kubernetes.list(SECRETS, fields=_TOKENS))["items"] or ()
        texts = [(each, str((each.get("data") or {}).get("ca.crt", "")).encode()) for each in maps]
        texts += [(each, base64.b64decode((each.get("data") or {}).get("ca.crt", ""))) for each in secrets]
        for thing, text in texts:
            believed = {identity(pem.encode("CERTIFICATE", der)) for der in pem.certificates(text)} if text else set()
            if not wanted <= believed or believed & gone:
                return f"{within(thing)}/{named(thing)} does not say so yet"
        return ""

    async def _pods(self, kubernetes: Kubernetes, name: str) -> list[Object]:
        node = await self._members.nodename(name)
        found: list[Object] = (await kubernetes.list(PODS, fields=f"spec.nodeName={node}"))["items"] or []
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def _uid(pod: Object) -> str:
    return str(pod["metadata"]["uid"])


def _probed(pod: Object) -> set[tuple[str, str]]:
    """What its kubelet looks at; one that it was not given by the API server it knows by another uid."""
    uid = (pod["metadata"].get("annotations") or {}).get(_MIRROR) or _uid(pod)
    return {(uid, each["name"]) for each in pod["spec"]["containers"] if "readinessProbe" in each}


def found_ready(metrics: str) -> set[tuple[str, str]]:
    """(pod's uid, container) of what a kubelet, since it was started, found ready at least once."""
    found = set()
    for line in _PROBED.finditer(metrics):
        labels = dict(_LABEL.findall(line["labels"]))
        if (labels.get("probe_type"), labels.get("result")) == ("Readiness", "successful") and float(line["count"]):
            found.add((labels.get("pod_uid", ""), labels.get("container", "")))
    return found
