"""The files of a kubelet: its configuration, the authorities it believes, how it gets a certificate of its own; and
what of an earlier one must go before the next starts. Kubeconfig and keys are the kubelet's own: they are corrected
where the cluster moved, and removed where they are another node's or another cluster's."""

import base64
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from core.base.errors import Invalid
from core.base.files import write_atomic
from core.cluster.kubernetes import kubelet
from core.codec import yaml
from core.linux import mount
from core.node.resources.k8s import KubeletSpec
from core.node.resources.secrets import Kubelet as Secrets
from core.node.services import kubeletnext
from core.pki import der, pem

_NAME: Final = "local"
_SERVING: Final = ("kubelet.crt", "kubelet.key")  # signed by itself; made anew, for the node's addresses may be others


@dataclass(frozen=True, slots=True)
class Places:
    """`root` stands before every path. `kept` is what is mounted where the image has the empty folder of Kubernetes'
    files; None: that one is writable as it is."""

    root: Path = Path("/")
    kept: Path | None = Path("/var/system/kubernetes")

    def at(self, path: str) -> Path:
        """Where a path of the node is."""
        return self.root / path.lstrip("/")


NODE: Final = Places()


def keep(places: Places) -> None:
    """Make the folder of Kubernetes' files writable and lasting."""
    folder = places.at(kubelet.FOLDER)
    if places.kept is not None and not any(mounted.target == str(folder) for mounted in mount.mounts()):
        places.kept.mkdir(mode=0o755, parents=True, exist_ok=True)
        mount.bind(places.kept, folder, mount.MS.NOSUID | mount.MS.NODEV | mount.MS.NOEXEC)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)


def write(places: Places, spec: KubeletSpec, secrets: Secrets) -> None:
    """Have everything in place for a start. The order makes it safe to be broken off and begun anew."""
    authorities = b"".join(sorted(ca.crt for ca in secrets.accepted_cas))
    _forget(places, spec, authorities)
    kubeletnext.install(places.at(kubelet.PKI))
    _moved(places.at(kubelet.KUBECONFIG), secrets)
    for path, data, mode in (
        (kubelet.AUTHORITIES, authorities, 0o644),
        (kubelet.BOOTSTRAP, bootstrap(secrets), 0o600),
        (kubelet.CONFIG, yaml.dump(spec.config), 0o600),
        (kubelet.CREDENTIALS, _credentials(spec.credential_provider_config), 0o600),
    ):
        place = places.at(path)
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_atomic(place, data, mode=mode)
    places.at(kubelet.MANIFESTS).mkdir(mode=0o755, exist_ok=True)


def client_name(places: Places) -> str:
    """Whose certificate the kubelet has, such as `node-1`; empty if it has none that can be read."""
    try:
        data = kubeletnext.shown(places.at(kubelet.PKI))
        return der.read(pem.certificates(data)[0]).common_name.removeprefix("system:node:")
    except Invalid:
        return ""


def _forget(places: Places, spec: KubeletSpec, authorities: bytes) -> None:
    keys, before = places.at(kubelet.PKI), _believed(places.at(kubelet.AUTHORITIES))
    foreign = bool(before) and before.isdisjoint(pem.certificates(authorities))
    if foreign or client_name(places) not in ("", spec.expected_nodename):
        places.at(kubelet.KUBECONFIG).unlink(missing_ok=True)
        if keys.exists():
            shutil.rmtree(keys)
    for name in _SERVING:
        (keys / name).unlink(missing_ok=True)
    _repolicy(places, spec.config)


def _believed(path: Path) -> set[bytes]:
    """Whom the kubelet before believed; nobody if that cannot be told."""
    try:
        return set(pem.certificates(path.read_bytes()))
    except (FileNotFoundError, Invalid):
        return set()


def _repolicy(places: Places, config: Mapping[str, Any]) -> None:
    """What a manager of another policy has noted keeps a kubelet from starting."""
    for name, key in (("cpu_manager_state", "cpuManagerPolicy"), ("memory_manager_state", "memoryManagerPolicy")):
        state = places.at(kubelet.DATA) / name
        try:
            noted = msgspec.json.decode(state.read_bytes(), type=dict[str, Any]).get("policyName", "")
        except FileNotFoundError:
            continue
        except msgspec.MsgspecError:
            noted = None
        if noted is None or noted.lower() != str(config.get(key, "none")).lower():
            state.unlink()


def _moved(path: Path, secrets: Secrets) -> None:
    """Correct where the kubelet's own kubeconfig leads; it would go on asking where it once asked."""
    try:
        found = yaml.load(path.read_bytes())
    except FileNotFoundError:
        return
    except yaml.YamlErrors:
        path.unlink()  # it makes a new one
        return
    clusters: Sequence[dict[str, Any]] = found.get("clusters", ()) if isinstance(found, dict) else ()
    wanted = cluster(secrets)
    if any(entry.get("cluster") != wanted for entry in clusters):
        for entry in clusters:
            entry["cluster"] = wanted
        write_atomic(path, yaml.dump(found), mode=0o600)


def bootstrap(secrets: Secrets) -> bytes:
    """The kubeconfig of a kubelet that asks for its first certificate."""
    token = f"{secrets.bootstrap_token_id}.{secrets.bootstrap_token_secret}"
    return yaml.dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": _NAME, "cluster": cluster(secrets)}],
            "users": [{"name": "kubelet", "user": {"token": token}}],
            "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": "kubelet"}}],
            "current-context": _NAME,
        }
    )


def cluster(secrets: Secrets) -> dict[str, str]:
    """Of a kubeconfig: whom a kubelet asks, and whom it believes."""
    authorities = b"".join(sorted(ca.crt for ca in secrets.accepted_cas))
    said = {
        "server": secrets.endpoint,
        "tls-server-name": secrets.endpoint_tls_server_name,
        "certificate-authority-data": base64.b64encode(authorities).decode(),
    }
    return {key: value for key, value in said.items() if value}


def _credentials(config: Mapping[str, Any]) -> bytes:
    kind = {"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig"}
    return yaml.dump(kind | {"providers": []} | dict(config))
