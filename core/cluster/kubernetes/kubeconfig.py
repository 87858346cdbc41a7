"""A kubeconfig as its client reads it: who is asked, whom it believes, what it shows. Takes certificates and keys as
data or from files, and tokens; refuses helpers that would have to be run."""

import base64
import binascii
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import field

from core.base.errors import Invalid, NotFound
from core.cluster.kubernetes.client import Kubernetes
from core.codec import yaml
from core.rpc.tls import ClientTLS

T = TypeVar("T")
_PORT: Final = 443


class _Cluster(msgspec.Struct):
    server: str
    authority_data: str = field(default="", name="certificate-authority-data")
    authority: str = field(default="", name="certificate-authority")
    server_name: str = field(default="", name="tls-server-name")


class _User(msgspec.Struct):
    certificate_data: str = field(default="", name="client-certificate-data")
    certificate: str = field(default="", name="client-certificate")
    key_data: str = field(default="", name="client-key-data")
    key: str = field(default="", name="client-key")
    token: str = ""
    exec: Any = None


class _Context(msgspec.Struct):
    cluster: str
    user: str = ""


class _Clusters(msgspec.Struct):
    name: str
    cluster: _Cluster


class _Users(msgspec.Struct):
    name: str
    user: _User


class _Contexts(msgspec.Struct):
    name: str
    context: _Context


class _Config(msgspec.Struct):
    clusters: list[_Clusters]
    contexts: list[_Contexts]
    users: list[_Users] = []
    current: str = field(default="", name="current-context")


def connect(data: bytes, folder: Path | None = None, *, server: str = "") -> Kubernetes:
    """A client of the current context; nothing is dialled yet. Files are relative to `folder`; `server` is a URL in
    place of the context's own. Raises Invalid, NotFound, OSError for a file."""
    config = _read(data)
    context = _named([(each.name, each.context) for each in config.contexts], config.current, "context")
    cluster = _named([(each.name, each.cluster) for each in config.clusters], context.cluster, "cluster")
    user = _User()
    if context.user:
        user = _named([(each.name, each.user) for each in config.users], context.user, "user")
    if user.exec is not None:
        raise Invalid(f"user {context.user} of the kubeconfig runs a program", remedy="give it a certificate or token")
    place = folder or Path("/")
    certificate = _material(user.certificate_data, user.certificate, place)
    tls = ClientTLS(
        _material(cluster.authority_data, cluster.authority, place),
        certificate,
        _material(user.key_data, user.key, place) if certificate is not None else None,
        server_name=cluster.server_name or None,
    )
    return Kubernetes(_server(server or cluster.server), tls, user.token)


def _read(data: bytes) -> _Config:
    try:
        return msgspec.convert(yaml.load(data), _Config)
    except yaml.YamlErrors as error:
        raise Invalid(f"the kubeconfig is not YAML: {error}") from None
    except msgspec.ValidationError as error:
        raise Invalid(f"the kubeconfig is not one: {error}") from None


def _named(entries: list[tuple[str, T]], name: str, what: str) -> T:
    for each, value in entries:
        if each == name:
            return value
    raise NotFound(f"the kubeconfig has no {what} {name!r}")


def _material(data: str, file: str, folder: Path) -> bytes | None:
    if data:
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error:
            raise Invalid("the kubeconfig has data that is not base64") from None
    return (folder / file).read_bytes() if file else None


def _server(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise Invalid(f"the API server {url!r} is no https:// URL")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{parts.port or _PORT}"
