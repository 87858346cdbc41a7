"""Where Kubernetes keeps what: a collection's group, version, plural and scope, and the paths and queries made of them
(API concepts, "Resource URIs"). Owns no connection; refuses nothing, for names are the server's to judge."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

Object = dict[str, Any]
"""One thing of Kubernetes as JSON has it: apiVersion, kind, metadata and what its kind adds."""


class Collection(NamedTuple):
    """All things of one kind: `api` is "v1" or "apps/v1"."""

    api: str
    plural: str
    namespaced: bool = False

    def path(self, namespace: str = "", name: str = "", part: str = "") -> str:
        """Of all of them, of those in a namespace, of one, or of a subresource (`part`) of one."""
        parts = ["api" if "/" not in self.api else "apis", self.api]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        parts += [quote(each, safe="") for each in (name, part) if each]
        return "/" + "/".join(parts)


NAMESPACES: Final = Collection("v1", "namespaces")
NODES: Final = Collection("v1", "nodes")
PODS: Final = Collection("v1", "pods", namespaced=True)
SECRETS: Final = Collection("v1", "secrets", namespaced=True)
CONFIG_MAPS: Final = Collection("v1", "configmaps", namespaced=True)
DAEMON_SETS: Final = Collection("apps/v1", "daemonsets", namespaced=True)
LEASES: Final = Collection("coordination.k8s.io/v1", "leases", namespaced=True)
REQUESTS: Final = Collection("certificates.k8s.io/v1", "certificatesigningrequests")


def query(path: str, words: Mapping[str, str | int]) -> str:
    """The path with those words that say something."""
    said = {key: value for key, value in words.items() if value not in ("", 0)}
    return f"{path}?{urlencode(said)}" if said else path


def named(thing: Object) -> str:
    """Its name."""
    return str(thing["metadata"]["name"])


def within(thing: Object) -> str:
    """Its namespace, "" for what has none."""
    return str(thing["metadata"].get("namespace", ""))


def holds(thing: Object, condition: str) -> bool:
    """Whether its status says that this condition is so; "Ready" of nodes and pods."""
    conditions = thing.get("status", {}).get("conditions") or ()
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)


def version(thing: Object) -> str:
    """The resourceVersion that it, or a list, was read at."""
    return str(thing.get("metadata", {}).get("resourceVersion", ""))
