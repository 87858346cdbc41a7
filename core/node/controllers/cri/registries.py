"""MachineConfig -> RegistriesConfig -> files for containerd, and credentials into its configuration. Pulls of ours and
of the kubelet follow the same."""

from collections.abc import Awaitable, Callable
from typing import Final

from core.config.schema.system import RegistryAuth as Auth
from core.config.schema.system import RegistryTls as Tls
from core.node import machineconfig
from core.node.controllers.cri import hosts
from core.node.resources.config import MachineConfig
from core.node.resources.cri import (
    RegistriesConfig,
    RegistryAuth,
    RegistryEndpoint,
    RegistryMirror,
    RegistryTLS,
)
from core.node.resources.files import EtcFileSpec
from core.node.resources.values import CertificateAndKey
from core.state import Controller, Resource, Scope, Store, shared, transform, weak

REGISTRIES: Final = RegistriesConfig.at("registries")
FOLDER: Final = "cri/conf.d/hosts"


def registries() -> Controller:
    """`machine.registries`."""

    def derive(resource: Resource[MachineConfig], _: Scope) -> RegistriesConfig | None:
        if resource.md.id != machineconfig.ACTIVE:
            return None
        asked = machineconfig.of(resource).v1alpha1.machine.registries
        mirrors = {
            name: RegistryMirror(
                mirror_endpoints=tuple(
                    RegistryEndpoint(endpoint_endpoint=url, endpoint_override_path=mirror.override_path)
                    for url in mirror.endpoints
                ),
                mirror_skip_fallback=mirror.skip_fallback,
            )
            for name, mirror in asked.mirrors.items()
        }
        return RegistriesConfig(
            registry_mirrors=mirrors,
            registry_auths={name: _auth(host.auth) for name, host in asked.config.items() if host.auth},
            registry_tl_ss={name: _tls(host.tls) for name, host in asked.config.items() if host.tls},
        )

    name = "cri.RegistriesConfigController"
    return transform(name, MachineConfig, RegistriesConfig, derive, rename=lambda _: REGISTRIES.id)


class RegistryFiles(Controller):
    """What containerd reads at each pull."""

    name = "files.CRIConfigController"
    inputs = (weak(REGISTRIES),)
    outputs = (shared(EtcFileSpec),)

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(REGISTRIES)
        wanted = hosts.files(config.spec) if config is not None else {}
        specs = {f"{FOLDER}/{path}": EtcFileSpec(contents=data, mode=mode) for path, (data, mode) in wanted.items()}
        scope.sync(EtcFileSpec.all(), specs)


class Credentials(Controller):
    """containerd reads credentials when it starts and never again: `renew` is asked to start it anew if it was started
    with others. Before anybody has said what they are, as when machined comes back, it is left alone."""

    name = "cri.ServiceController"
    inputs = (weak(REGISTRIES),)

    def __init__(self, stale: Callable[[], bool], renew: Callable[[], Awaitable[None]]) -> None:
        self._stale, self._renew = stale, renew

    async def reconcile(self, scope: Scope) -> None:
        if scope.find(REGISTRIES) is not None and self._stale():
            await self._renew()


def logins(store: Store) -> dict[str, dict[str, str]]:
    """Credentials by host, in the words of containerd's configuration."""
    config = store.find(REGISTRIES)
    if config is None:
        return {}
    return {host: _login(auth) for host, auth in sorted(config.spec.registry_auths.items())}


def _login(auth: RegistryAuth) -> dict[str, str]:
    said = {
        "username": auth.registry_username,
        "password": auth.registry_password,
        "auth": auth.registry_auth,
        "identitytoken": auth.registry_identity_token,
    }
    return {key: value for key, value in said.items() if value}


def _auth(auth: Auth) -> RegistryAuth:
    return RegistryAuth(
        registry_username=auth.username,
        registry_password=auth.password,
        registry_auth=auth.auth,
        registry_identity_token=auth.identity_token,
    )


def _tls(tls: Tls) -> RegistryTLS:
    pair = tls.client_identity
    return RegistryTLS(
        tls_client_identity=CertificateAndKey(crt=pair.crt, key=pair.key) if pair is not None else None,
        tlsca=tls.ca,
        tls_insecure_skip_verify=tls.insecure_skip_verify,
    )
