"""KubernetesRoot, EtcdRoot, Kubernetes, KubernetesDynamicCerts, Etcd, EtcdEncryptionConfig -> SecretsStatus: keys and
certificates as files, a folder for each program of the control plane, readable by it alone. `version` changes with what
a program reads at its start; what it takes up while it runs changes nothing but the files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from core.base import swap
from core.cluster.kubernetes import access, stamps
from core.node.resources.k8s import EtcdEncryptionConfig, SecretsStatus, labelled, trust
from core.node.resources.secrets import Etcd, EtcdRoot, Kubernetes, KubernetesDynamicCerts, KubernetesRoot
from core.node.work import Work, public
from core.pki import pem
from core.state import Controller, Scope, exclusive, weak

FOLDER: Final = Path("/system/secrets/kubernetes")
OWNERS: Final[Mapping[str, int]] = {
    "kube-apiserver": 65534,
    "kube-controller-manager": 65535,
    "kube-scheduler": 65536,
}
_ROOT: Final = KubernetesRoot.at("k8s")
_ETCD_ROOT: Final = EtcdRoot.at("etcd")
_CONFIGS: Final = Kubernetes.at("k8s-certs")
_DYNAMIC: Final = KubernetesDynamicCerts.at("k8s-dynamic-certs")
_ETCD: Final = Etcd.at("etcd")
_ENCRYPTION: Final = EtcdEncryptionConfig.at("k8s")
_ID: Final = "static-pods"
# what programs read again while they run; the rest they read once
_FOLLOWED: Final = frozenset(
    {
        *("apiserver.crt", "apiserver.key", "apiserver-kubelet-client.crt", "apiserver-kubelet-client.key"),
        *("front-proxy-client.crt", "front-proxy-client.key", "etcd-client.crt", "etcd-client.key"),
        *("ca.crt", "ca.key", "aggregator-ca.crt", "client.crt", "client.key"),
    }
)


class _Sources(NamedTuple):
    root: KubernetesRoot
    etcd_root: EtcdRoot
    configs: Kubernetes
    dynamic: KubernetesDynamicCerts
    etcd: Etcd
    encryption: EtcdEncryptionConfig


class RenderSecrets(Controller):
    """Id `static-pods`, on a control plane, as long as all is there. `owners` are the programs' user ids."""

    name = "k8s.RenderSecretsStaticPodController"
    inputs = (weak(_ROOT), weak(_ETCD_ROOT), weak(_CONFIGS), weak(_DYNAMIC), weak(_ETCD), weak(_ENCRYPTION))
    outputs = (exclusive(SecretsStatus),)

    def __init__(self, work: Work, folder: Path = FOLDER, owners: Mapping[str, int] = OWNERS) -> None:
        self._work, self._folder, self._owners = work, folder, owners
        self._public: tuple[bytes, bytes] = b"", b""

    async def reconcile(self, scope: Scope) -> None:
        if scope.find(_ROOT) is None:
            scope.remove(SecretsStatus.at(_ID))
            for program in self._owners:
                swap.discard(self._folder / program)
            return
        sources = _sources(scope)
        if sources is None:
            return
        goes_by = trust(sources.root.accepted_cas, sources.root.issuing_ca.crt)
        whole = {
            "kube-apiserver": _api_server(sources, await self._verifier(sources.root)),
            "kube-controller-manager": _controller_manager(sources),
            "kube-scheduler": _scheduler(sources),
        }
        for program, files in whole.items():
            swap.swap(self._folder / program, files, self._owners[program])
        versions = {program: _version(program, files, goes_by.issuer) for program, files in whole.items()}
        scope.put(_ID, SecretsStatus(ready=True, version=stamps.join(versions)), labels=goes_by.labels)

    async def _verifier(self, root: KubernetesRoot) -> bytes:
        """By which service accounts' tokens are known: the public part of the key that signs them."""
        key = root.service_account.key
        if self._public[0] != key:
            self._public = key, await public(self._work, key)
        return self._public[1]


def _version(program: str, files: Mapping[str, bytes], issuer: str) -> str:
    """Those who ask kube-apiserver start anew with a certificate of another authority: by the one that they have shown
    on their connection they would be refused as soon as its authority is."""
    read = {name: data for name, data in files.items() if name not in _FOLLOWED}
    return swap.digest(read if program == "kube-apiserver" else read | {"": issuer.encode()})


def _sources(scope: Scope) -> _Sources | None:
    root, etcd_root, configs = scope.find(_ROOT), scope.find(_ETCD_ROOT), scope.find(_CONFIGS)
    dynamic, etcd, encryption = scope.find(_DYNAMIC), scope.find(_ETCD), scope.find(_ENCRYPTION)
    if root is None or etcd_root is None or configs is None or dynamic is None or etcd is None or encryption is None:
        return None
    said = trust(root.spec.accepted_cas, root.spec.issuing_ca.crt)
    if any(labelled(made) != said for made in (configs, dynamic)):
        return None  # they are about to be those of another authority
    return _Sources(root.spec, etcd_root.spec, configs.spec, dynamic.spec, etcd.spec, encryption.spec)


def _api_server(sources: _Sources, verifier: bytes) -> dict[str, bytes]:
    root, dynamic, etcd = sources.root, sources.dynamic, sources.etcd
    keys = (verifier, *(key.key for key in root.service_account_accepted_keys))
    return {
        "etcd-client-ca.crt": sources.etcd_root.etcd_ca.crt,
        "etcd-client.crt": etcd.etcd_api_server.crt,
        "etcd-client.key": etcd.etcd_api_server.key,
        "ca.crt": _authorities(root),
        "apiserver.crt": dynamic.api_server.crt,
        "apiserver.key": dynamic.api_server.key,
        "apiserver-kubelet-client.crt": dynamic.api_server_kubelet_client.crt,
        "apiserver-kubelet-client.key": dynamic.api_server_kubelet_client.key,
        "aggregator-ca.crt": b"".join(ca.crt for ca in root.accepted_aggregator_cas),
        "front-proxy-client.crt": dynamic.front_proxy.crt,
        "front-proxy-client.key": dynamic.front_proxy.key,
        "service-account.key": root.service_account.key,
        "service-account.pub": b"".join(dict.fromkeys(keys)),
        "encryptionconfig.yaml": sources.encryption.configuration.encode(),
    }


def _controller_manager(sources: _Sources) -> dict[str, bytes]:
    """`ca.crt` signs, and is one; whom pods are to believe may be more."""
    root = sources.root
    return {
        "ca.crt": pem.first(root.issuing_ca.crt)[0],
        "ca.key": root.issuing_ca.key,
        "service-account.key": root.service_account.key,
        **_client(root, "kube-controller-manager", sources.configs.controller_manager_kubeconfig),
    }


def _scheduler(sources: _Sources) -> dict[str, bytes]:
    return _client(sources.root, "kube-scheduler", sources.configs.scheduler_kubeconfig)


def _client(root: KubernetesRoot, program: str, kubeconfig: str) -> dict[str, bytes]:
    """A kubeconfig that names its certificate and key as files: those are read again when they are renewed."""
    shown, place = access.parse(kubeconfig.encode()), FOLDER / program
    authority = {"certificate-authority": f"{place}/root-ca.crt"}
    user = {"client-certificate": f"{place}/client.crt", "client-key": f"{place}/client.key"}
    return {
        "kubeconfig": access.document(shown.cluster, shown.server, authority, shown.user, user),
        "root-ca.crt": _authorities(root),
        "client.crt": shown.crt,
        "client.key": shown.key,
    }


def _authorities(root: KubernetesRoot) -> bytes:
    """In an order that does not depend on who of them issues."""
    return b"".join(sorted(ca.crt for ca in root.accepted_cas))
