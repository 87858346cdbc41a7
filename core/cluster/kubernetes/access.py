"""A kubeconfig as it is written here: one cluster, one user with a certificate, one context, all in one file."""

import base64
from dataclasses import dataclass
from typing import Any

from core.codec import yaml


@dataclass(frozen=True, slots=True)
class Access:
    """`server` is a URL, `authorities` and the user's certificate and key are PEM."""

    cluster: str
    server: str
    authorities: bytes
    user: str
    crt: bytes
    key: bytes
    namespace: str = "default"

    def __repr__(self) -> str:
        return f"Access({self.user!r}, {self.server!r})"


def kubeconfig(access: Access) -> bytes:
    """The file. User and context are called <user>@<cluster>, as clients that merge files tell them apart by."""
    name = f"{access.user}@{access.cluster}"
    user = {"client-certificate-data": _text(access.crt), "client-key-data": _text(access.key)}
    return document(
        access.cluster, access.server, {"certificate-authority-data": _text(access.authorities)}, name, user
    )


def parse(data: bytes) -> Access:
    """What `kubeconfig` was made of, with the user as it is called there. For what this module wrote alone."""
    whole: Any = yaml.load(data)
    cluster, user = whole["clusters"][0], whole["users"][0]
    authorities, crt, key = (
        base64.b64decode(part)
        for part in (
            cluster["cluster"]["certificate-authority-data"],
            user["user"]["client-certificate-data"],
            user["user"]["client-key-data"],
        )
    )
    return Access(cluster["name"], cluster["cluster"]["server"], authorities, user["name"], crt, key)


def document(
    cluster: str, server: str, authority: dict[str, str], name: str, user: dict[str, str], namespace: str = "default"
) -> bytes:
    """The same with whom to believe and what to show as given: as data, or as files."""
    return yaml.dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": cluster, "cluster": {"server": server, **authority}}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": cluster, "namespace": namespace, "user": name}}],
            "current-context": name,
        }
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
