"""What has been applied to a cluster, written down in the cluster itself, so that what is applied no more can be taken
away, and nothing else. The form is the format's: a ConfigMap with a key for each object."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Self

from core.base.errors import Invalid
from core.cluster.kubernetes.paths import Object, named, within

NAME: Final = "talos-bootstrap-manifests-inventory"
NAMESPACE: Final = "kube-system"
_COLON: Final = "__"  # a key of a ConfigMap takes no colon, which names of roles have
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}", re.ASCII)
_ORDER: Final = {"Namespace": 0, "CustomResourceDefinition": 1}
_KEPT: Final = (("", "Namespace"), ("apiextensions.k8s.io", "CustomResourceDefinition"))


class Entry(NamedTuple):
    """An object that was applied; `version` is the one of its API group that it was applied in."""

    namespace: str
    name: str
    group: str
    kind: str
    version: str = ""

    @classmethod
    def of(cls, thing: Object) -> Self:
        """Of an object that is to be applied. Raises Invalid for one that has no name or kind."""
        try:
            group, slash, version = str(thing["apiVersion"]).rpartition("/")
            return cls(within(thing), named(thing), group, str(thing["kind"]), version if slash else str(version))
        except (KeyError, TypeError, AttributeError):
            raise Invalid("an object of a manifest lacks apiVersion, kind or metadata.name") from None

    @property
    def api(self) -> str:
        """Group and version as objects name them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Which object it is, in whatever version."""
        return self[:4]

    @property
    def holds_others(self) -> bool:
        """Whether what goes with it is not its own: things that others have put there."""
        return (self.group, self.kind) in _KEPT

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def write(entries: Iterable[Entry]) -> dict[str, str]:
    """The ConfigMap's data. A name that no key can have, or that could be read as another's, is not written down, and
    what has it is never taken away."""
    keys = {_key(entry): entry.version for entry in sorted(entries) if _COLON not in entry.name}
    return {key: version for key, version in keys.items() if _KEY.fullmatch(key)}


def read(data: Mapping[str, str]) -> list[Entry]:
    """Of the ConfigMap's data; keys that say nothing are left out."""
    found = []
    for key, version in data.items():
        namespace, _, rest = key.partition("_")
        parts = rest.rsplit("_", 2)
        if len(parts) == 3:
            found.append(Entry(namespace, parts[0].replace(_COLON, ":"), parts[1], parts[2], version))
    return found


def _key(entry: Entry) -> str:
    return "_".join((entry.namespace, entry.name.replace(":", _COLON), entry.group, entry.kind))


def order(things: Iterable[Object]) -> list[Object]:
    """What others need first: namespaces, then kinds, then the rest as it came."""
    return sorted(things, key=lambda thing: _ORDER.get(str(thing.get("kind")), len(_ORDER)))
