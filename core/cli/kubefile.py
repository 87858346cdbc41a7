"""Kubeconfig files: putting one into another. What has none of the new names stays as it is; the same cluster's newer
access takes the older one's place, and where a name is another cluster's, the new one is called otherwise."""

from itertools import count
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core.base.errors import Invalid
from core.codec import yaml

_KINDS: Final = ("clusters", "users", "contexts")
_EMPTY: Final[dict[str, Any]] = {"apiVersion": "v1", "kind": "Config", "preferences": {}}
File = dict[str, Any]


class Entry(msgspec.Struct, frozen=True):
    """One way into one cluster, and what its parts are called."""

    cluster: str
    user: str
    context: str
    body: dict[str, Any]

    def put(self, file: File) -> File:
        """The file with this in it, chosen."""
        named = {"clusters": self.cluster, "users": self.user, "contexts": self.context}
        within = {**self.body["contexts"], "cluster": self.cluster, "user": self.user}
        bodies = {**self.body, "contexts": within}
        whole = {**_EMPTY, **file}
        for kind, name in named.items():
            rest = [each for each in whole.get(kind) or () if each["name"] != name]
            whole[kind] = [*rest, {"name": name, kind.removesuffix("s"): bodies[kind]}]
        return {**whole, "current-context": self.context}


def parse(data: bytes, name: str) -> File:
    """A file; an empty one is one without entries. Raises Invalid."""
    try:
        file = yaml.load(data) if data.strip() else {}
    except yaml.YamlErrors as error:
        raise Invalid(f"{name} is not YAML: {error}") from None
    if not isinstance(file, dict) or not all(map(_entries, (file.get(kind) or [] for kind in _KINDS))):
        raise Invalid(f"{name} is no kubeconfig")
    return file


def entry(file: File) -> Entry:
    """The one entry of a file that a node made. Raises Invalid for another."""
    if any(len(file.get(kind) or ()) != 1 for kind in _KINDS):
        raise Invalid("the node did not send a kubeconfig of one cluster")
    cluster, user, context = (file[kind][0] for kind in _KINDS)
    body = {kind: file[kind][0].get(kind.removesuffix("s"), {}) for kind in _KINDS}
    return Entry(cluster["name"], user["name"], context["name"], body)


def merge(file: File, new: Entry, *, force: bool, context: str = "") -> tuple[File, Entry]:
    """The file with `new` in it, and as what. `context` is a name to force upon the context; with `force` whatever has
    a name gives way."""
    if context:
        new = replace(new, context=context)
    return (chosen := new if force else _free(file, new)).put(file), chosen


def dump(file: File) -> bytes:
    """As YAML."""
    return yaml.dump(file)


def _free(file: File, new: Entry) -> Entry:
    """The entry under names that are its own or nobody's."""
    if not _taken(file, new):
        return new
    for number in count(1):
        name = f"{new.cluster}-{number}"
        user = new.user.replace(new.cluster, name) if new.cluster in new.user else f"{new.user}-{number}"
        other = Entry(name, user, f"{new.context}-{number}", new.body)
        if not _taken(file, other):
            return other
    raise AssertionError("there are always more numbers")


def _taken(file: File, new: Entry) -> bool:
    """Whether another cluster has one of the names."""
    clusters, users, contexts = ({each["name"]: each for each in file.get(kind) or ()} for kind in _KINDS)
    held = clusters.get(new.cluster)
    if held is not None:
        return bool((held.get("cluster") or {}).get("server") != new.body["clusters"].get("server"))
    return new.user in users or new.context in contexts


def _entries(entries: Any) -> bool:
    return isinstance(entries, list) and all(isinstance(each, dict) and "name" in each for each in entries)
