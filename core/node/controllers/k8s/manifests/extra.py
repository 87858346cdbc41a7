"""ExtraManifestsConfig, network Status -> Manifest: manifests of the config's own, written out in it or fetched from
where it says. Each place is asked until it answers, once for each config and boot."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from core.base import offload
from core.base.errors import IchorError, Invalid
from core.cluster.kubernetes import fetching
from core.cluster.kubernetes.paths import Object
from core.codec import yaml
from core.node.controllers.k8s.manifests.config import EXTRA
from core.node.controllers.k8s.manifests.render import manifest
from core.node.resources.k8s import ExtraManifest, Manifest
from core.node.resources.network import NetworkStatus
from core.state import Controller, Scope, shared, weak

Fetch = Callable[[str, Mapping[str, str]], bytes]
AGAIN: Final = 15.0  # seconds until a place that did not answer is asked again
_NETWORK: Final = NetworkStatus.at("status")
_LOG: Final = logging.getLogger("manifests")


class ExtraManifests(Controller):
    """Ids are a priority and a name, by which they sort behind, or before, the node's own. One that cannot be had does
    not keep the others."""

    name = "k8s.ExtraManifestController"
    inputs = (weak(EXTRA), weak(_NETWORK))
    outputs = (shared(Manifest),)

    def __init__(self, fetch: Fetch = fetching.fetch) -> None:
        self._fetch = fetch
        self._held = dict[str, tuple[ExtraManifest, Manifest]]()
        self._said = dict[str, str]()

    async def reconcile(self, scope: Scope) -> None:
        config, network = scope.find(EXTRA), scope.find(_NETWORK)
        asked = () if config is None else config.spec.extra_manifests
        self._held = {id_: held for id_, held in self._held.items() if held[0] in asked}
        connected = network is not None and network.spec.address_ready
        for each in asked:
            if _id(each) not in self._held and (connected or not each.url):
                await self._have(scope, each)
        scope.sync(Manifest.all(), {id_: found for id_, (_, found) in self._held.items()})

    async def _have(self, scope: Scope, wanted: ExtraManifest) -> None:
        try:
            self._held[_id(wanted)] = wanted, manifest(objects(await self._text(wanted)))
            self._said.pop(wanted.name, None)
        except IchorError as error:
            if self._said.get(wanted.name) != str(error):
                _LOG.error("manifest %s: %s", wanted.name, error)
            self._said[wanted.name] = str(error)
            if wanted.url:
                scope.later(AGAIN)

    async def _text(self, wanted: ExtraManifest) -> bytes:
        if not wanted.url:
            return wanted.inline_manifest.encode()
        return await offload.call(self._fetch, wanted.url, wanted.extra_headers, key=wanted.url)


def _id(wanted: ExtraManifest) -> str:
    return f"{wanted.priority}-{wanted.name}"


def objects(text: bytes) -> list[Object]:
    """Of a stream of YAML, those in lists, too. Raises Invalid."""
    stream = yaml.parse(text)
    if stream.troubles:
        raise yaml.YamlErrors(stream.troubles)
    found = list[Object]()
    for document in stream.documents:
        if document is None:
            continue
        value = yaml.builtins(document)
        if not isinstance(value, dict):
            raise Invalid("a document of it is no object")
        found += value.get("items") or [] if value.get("kind") == "List" else [value]
    return found
