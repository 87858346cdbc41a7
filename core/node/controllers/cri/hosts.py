"""containerd's folder of registries (its docs/hosts.md) as files: for each registry a `hosts.toml` and the certificates
that it names. Pure. The folder is read at every pull, so that nothing has to be started anew."""

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from core.node.resources.cri import RegistriesConfig, RegistryMirror, RegistryTLS

OTHERS: Final = "*"
_FOLDER_OF_OTHERS: Final = "_default"
_HUB: Final = "docker.io"
_HUBS_HOST: Final = "registry-1.docker.io"  # docker.io itself serves no images
_PULLS: Final = ("pull", "resolve")
_NEVER: Final = ("push",)  # what containerd does on the registry alone, and a node never does
File = tuple[bytes, int]
Trust = Mapping[str, RegistryTLS]


def files(config: RegistriesConfig) -> dict[str, File]:
    """Contents and mode of every file, by its path in the folder."""
    made: dict[str, File] = {}
    others = config.registry_mirrors.get(OTHERS, RegistryMirror())
    hub = [_HUB] * (_HUBS_HOST in config.registry_tl_ss)
    for registry in dict.fromkeys([*config.registry_mirrors, *config.registry_tl_ss, *hub]):
        mirror = config.registry_mirrors.get(registry, others)
        folder = _FOLDER_OF_OTHERS if registry == OTHERS else _folder(registry)
        if registry != OTHERS or mirror.mirror_endpoints:
            made[f"{folder}/hosts.toml"] = (_hosts(registry, mirror, config.registry_tl_ss).encode(), 0o600)
            for host in {_upstream(registry), *(_netloc(e.endpoint_endpoint) for e in mirror.mirror_endpoints)}:
                made |= {f"{folder}/{name}": file for name, file in _certificates(host, config.registry_tl_ss)}
    return made


def _hosts(registry: str, mirror: RegistryMirror, trust: Trust) -> str:
    """Mirrors in their order, then the registry. containerd asks what stands at the top last, and takes that for the
    registry itself if nothing does; so the registry stands there for what is never done, and among the others for what
    is, unless it shall not be asked. Without any [host] the file would count as broken."""
    tables: dict[str, str] = {}
    for endpoint in mirror.mirror_endpoints:
        override = ["override_path = true"] * endpoint.endpoint_override_path
        host = _netloc(endpoint.endpoint_endpoint)
        tables.setdefault(endpoint.endpoint_endpoint, _table(_PULLS, *override, *_trusting(host, trust)))
    if registry == OTHERS:
        top = [f"server = {_text(next(iter(tables)))}", _table(_NEVER)] if mirror.mirror_skip_fallback else []
    else:
        host = _upstream(registry)
        able = _NEVER if mirror.mirror_skip_fallback else _PULLS
        tables.setdefault(f"https://{host}", _table(able, *_trusting(host, trust)))
        top = [f"server = {_text(f'https://{host}')}", _table(_NEVER)]
    return "\n".join([*top, *(f"[host.{_text(url)}]\n{table}" for url, table in tables.items())]) + "\n"


def _table(able: tuple[str, ...], *lines: str) -> str:
    return "\n".join([f"capabilities = [{', '.join(map(_text, able))}]", *lines])


def _trusting(host: str, trust: Trust) -> Iterator[str]:
    tls = trust.get(host)
    if tls is None:
        return
    if tls.tlsca:
        yield f"ca = {_text(f'{_folder(host)}.ca.pem')}"
    if tls.tls_client_identity is not None:
        pair = ", ".join(_text(f"{_folder(host)}.{part}.pem") for part in ("crt", "key"))
        yield f"client = [[{pair}]]"
    if tls.tls_insecure_skip_verify:
        yield "skip_verify = true"


def _certificates(host: str, trust: Trust) -> Iterator[tuple[str, File]]:
    tls = trust.get(host)
    if tls is not None and tls.tlsca:
        yield f"{_folder(host)}.ca.pem", (tls.tlsca, 0o644)
    if tls is not None and tls.tls_client_identity is not None:
        yield f"{_folder(host)}.crt.pem", (tls.tls_client_identity.crt, 0o644)
        yield f"{_folder(host)}.key.pem", (tls.tls_client_identity.key, 0o600)


def _folder(host: str) -> str:
    """A host as the name of its folder: a colon has another meaning in paths."""
    name, colon, port = host.rpartition(":")
    return f"{name}_{port}_" if colon else host


def _upstream(registry: str) -> str:
    return _HUBS_HOST if registry == _HUB else registry


def _netloc(url: str) -> str:
    return urlsplit(url).netloc


def _text(value: str) -> str:
    """A TOML string: JSON's are."""
    return msgspec.json.encode(value).decode()
