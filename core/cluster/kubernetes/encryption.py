"""How kube-apiserver writes secrets to etcd (encryption at rest): the first key writes, every one reads, and what was
written in the clear is read, too."""

from collections.abc import Mapping
from typing import Any, Final

from core.codec import yaml

_HEAD: Final = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration"}


def configuration(secretbox: str, aescbc: str, given: Mapping[str, Any] | None) -> str:
    """The EncryptionConfiguration: what is `given`, or one made of base64 keys, of which either may be empty."""
    if given is not None:
        return yaml.dump({**_HEAD, **given}).decode()
    providers: list[dict[str, Any]] = []
    if secretbox:
        providers.append({"secretbox": {"keys": [{"name": "key2", "secret": secretbox}]}})
    if aescbc:
        providers.append({"aescbc": {"keys": [{"name": "key1", "secret": aescbc}]}})
    whole = {**_HEAD, "resources": [{"resources": ["secrets"], "providers": [*providers, {"identity": {}}]}]}
    return yaml.dump(whole).decode()
