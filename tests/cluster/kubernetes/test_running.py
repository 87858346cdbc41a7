"""The control plane as it is rendered, run: the commands of the static pods with the files that the node's controllers
write, as the pods' users, over a real etcd. Each sees no more of the machine than its pod would."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from core.base.clock import SystemClock
from core.cluster.etcd import flags
from core.cluster.kubernetes import versions
from core.cluster.kubernetes.controlplane import AUDIT, CONFIGS, PROGRAMS, SECRETS
from core.cluster.kubernetes.pods import USERS
from core.config import generate
from core.config.load import load
from core.node.controllers import etcd, secrets
from core.node.controllers.k8s import secrets as k8s_secrets
from core.node.controllers.k8s.controlplane import policies, programs
from core.node.controllers.k8s.controlplane.pods import ControlPlanePods, Pods
from core.node.controllers.k8s.controlplane.render import RenderConfigs
from core.node.controllers.k8s.secrets import RenderSecrets
from core.node.resources.config import MachineConfig, MachineType, MachineTypeSpec
from core.node.resources.etcd import PKIStatus
from core.node.resources.k8s import StaticPod
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import Kubernetes
from core.node.resources.services import Service
from core.node.survivor import Survivor
from tests.node.controllers.house import House
from tests.node.controllers.secrets.cluster import work
from tests.support import compatpage, netns
from tests.support.etcd import program
from tests.support.fdtable import FdTable
from tests.support.fixtures import kubernetes
from tests.support.pid1 import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]
ADDRESS: Final = "10.0.0.2"
_SECONDS: Final = 120.0


class Machine:
    """A root folder with the programs in it, and a network of its own."""

    def __init__(self, root: Path, space: netns.Namespace) -> None:
        self.root, self.space = root, space
        self._running: list[subprocess.Popen[bytes]] = []
        for name in PROGRAMS:
            place = root / "usr/local/bin" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kubernetes.program(name), place)
            place.chmod(0o755)
        for path, user in ((AUDIT, USERS["kube-apiserver"]), ("/tmp", 0)):
            self.inside(path).mkdir(parents=True)
            os.chown(self.inside(path), user, user)
        self.inside("/tmp").chmod(0o1777)
        self.inside("/etc").mkdir()
        self.inside("/etc/hosts").write_text("127.0.0.1 localhost\n")  # as the kubelet gives every pod

    def inside(self, path: str) -> Path:
        """Where a path of the machine is here."""
        return self.root / path.lstrip("/")

    def run(self, name: str, command: Sequence[str]) -> None:
        """What it says is in the file `name`; it ends with `end`, or with this process."""
        with (self.root / f"{name}.log").open("ab") as log:
            whole = self.space.command("setpriv", "--pdeathsig", "KILL", *command)
            self._running.append(subprocess.Popen(whole, stdout=log, stderr=subprocess.STDOUT))

    def pod(self, pod: Any) -> None:
        """The pod's command, with its user's rights."""
        (container,) = pod["spec"]["containers"]
        for volume in pod["spec"]["volumes"]:  # in a pod what is above them is the container's own
            for folder in self.inside(volume["hostPath"]["path"]).parents:
                if folder != self.root and folder.is_relative_to(self.root):
                    folder.chmod(0o755)
        user, name = pod["spec"]["securityContext"]["runAsUser"], container["name"]
        command = [word.replace("$(POD_IP)", ADDRESS) for word in container["command"]]
        self.run(name, ["chroot", f"--userspec={user}:{user}", "--groups=", str(self.root), *command])

    def alive(self) -> bool:
        """Whether all that was started still runs."""
        return all(process.poll() is None for process in self._running)

    def said(self, *command: str) -> str:
        """What a command inside says; empty when it fails."""
        return subprocess.run(
            self.space.command(*command), capture_output=True, text=True, errors="replace", check=False
        ).stdout

    def logs(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in sorted(self.root.glob("*.log")))

    def end(self) -> None:
        for process in reversed(self._running):
            process.send_signal(signal.SIGKILL)
            process.wait()


@contextmanager
def machine() -> Iterator[Machine]:
    with TemporaryDirectory(dir="/var/tmp", prefix="ichor-control-plane-") as folder, netns.namespace() as space:
        Path(folder).chmod(0o755)
        space.ip("address", "add", f"{ADDRESS}/32", "dev", "lo")
        made = Machine(Path(folder), space)
        try:
            yield made
        finally:
            made.end()


class Node(House):
    """From the config to static pods, with files in the machine's root."""

    def __init__(self, table: FdTable, root: Path) -> None:
        makers = (programs.api_server(), programs.controller_manager(), programs.scheduler(), *policies.controllers())
        controllers = (
            *secrets.cluster(table, work),
            k8s_secrets.etcd_encryption(),
            RenderSecrets(work, root / SECRETS.lstrip("/")),
            etcd.PKIFiles(root / "etcd"),
            *makers,
            RenderConfigs(root / CONFIGS.lstrip("/")),
            ControlPlanePods(Survivor(table, "static-pods", Pods)),
        )
        super().__init__(SystemClock(), controllers)

    def begin(self, config: bytes) -> None:
        self.put("accumulative-no-k8s", NodeAddress(addresses=(f"{ADDRESS}/24",)))
        self.put("hostname", HostnameStatus(hostname="node-1"))
        self.put("machine-type", MachineTypeSpec(machine_type=MachineType.CONTROLPLANE))
        self.put("v1alpha1", MachineConfig(yaml_marshalled=config))

    async def pods(self) -> dict[str, Any]:
        """The static pods, when etcd was said to be healthy and all are there; the files of each are."""
        await self.until(lambda: self.one(PKIStatus, "etcd"))
        self.put("etcd", Service(running=True, healthy=True, unknown=False))
        await self.until(lambda: len(self.all(StaticPod)) == len(PROGRAMS))
        return {name: spec.pod for name, spec in self.all(StaticPod).items()}


def rendered(root: Path) -> tuple[dict[str, Any], str]:
    """The pods, and an administrator's kubeconfig for this very machine."""
    now = SystemClock().now()
    options = generate.Options(name="c", endpoint=f"https://{ADDRESS}:6443", kubernetes=kubernetes.version())
    config = generate.control_plane(generate.new_secrets(now), options)
    assert load(config).complete

    async def make() -> tuple[dict[str, Any], str]:
        table = FdTable()
        node = Node(table, root)
        async with asyncio.timeout(60), node.running():
            node.begin(config)
            pods = await node.pods()
            await node.until(lambda: node.one(Kubernetes, "k8s-certs"))
            held = node.one(Kubernetes, "k8s-certs")
            assert held is not None
        table.close()
        return pods, held.localhost_admin_kubeconfig

    return asyncio.run(make())


def etcd_command(root: Path) -> list[str]:
    url = flags.urls([ADDRESS], flags.PEER_PORT)[0]
    pki = {flag: [str(root / "etcd" / file)] for flag, file in _PKI.items()}
    launch = flags.Launch("node-1", [ADDRESS], [f"node-1={url}"], True, extra=pki | {"data-dir": [str(root / "data")]})
    return [str(program("etcd")), *flags.arguments(launch, (3, 5))]


_PKI: Final = {
    "cert-file": "server.crt",
    "key-file": "server.key",
    "trusted-ca-file": "ca.crt",
    "peer-cert-file": "peer.crt",
    "peer-key-file": "peer.key",
    "peer-trusted-ca-file": "ca.crt",
}


def test_what_is_said_to_be_run_is() -> None:
    assert versions.of(f"x:v{kubernetes.version()}") in compatpage.RUN


def test_the_rendered_control_plane_comes_up() -> None:
    with machine() as here:
        pods, kubeconfig = rendered(here.root)
        (here.root / "kubeconfig").write_text(kubeconfig)
        here.run("etcd", etcd_command(here.root))
        for name in PROGRAMS:
            here.pod(pods[name])

        def kubectl(*arguments: str) -> str:
            told = (f"--kubeconfig={here.root / 'kubeconfig'}", f"--cache-dir={here.root / 'cache'}")
            return here.said(str(kubernetes.kubectl()), *told, *arguments)

        def holds() -> bool:
            assert here.alive(), here.logs()
            leases = "--namespace=kube-system", "lease", "-o", "jsonpath={.items[*].spec.holderIdentity}"
            return kubectl("get", "--raw", "/readyz") == "ok" and len(kubectl("get", *leases).split()) >= 2

        until(holds, _SECONDS, "the control plane")
        assert (here.inside(AUDIT) / "kube-apiserver.log").stat().st_size > 0
        _is_open_to_probes_alone(here, pods)
        _what_it_keeps_is_encrypted(here, kubectl)


def _is_open_to_probes_alone(here: Machine, pods: dict[str, Any]) -> None:
    """A kubelet shows no certificate; nobody else learns more than it does, and nothing is served without TLS."""
    for name, pod in pods.items():
        probe = pod["spec"]["containers"][0]["livenessProbe"]["httpGet"]
        url = f"https://{probe.get('host', ADDRESS)}:{probe['port']}"
        assert here.said("curl", "--silent", "--insecure", url + probe["path"]) == "ok", name
        refused = here.said("curl", "--silent", "--insecure", f"{url}/metrics")
        assert '"code": 403' in refused or "Forbidden" in refused or "Unauthorized" in refused, (name, refused)
    listening = {line.split()[3].rpartition(":")[::2] for line in here.said("ss", "-Htln").splitlines()}
    assert {"6443", "10257", "10259"} <= {port for _, port in listening}
    assert {host for host, port in listening if port in ("8080", "10251", "10252")} <= {"127.0.0.1"}


def _what_it_keeps_is_encrypted(here: Machine, kubectl: Any) -> None:
    kubectl("create", "secret", "generic", "s", "--from-literal=k=very-plain")
    pki = {"cacert": "etcd-client-ca.crt", "cert": "etcd-client.crt", "key": "etcd-client.key"}
    told = [f"--{flag}={here.inside(SECRETS) / 'kube-apiserver' / file}" for flag, file in pki.items()]
    told.append("--endpoints=https://127.0.0.1:2379")
    kept = here.said(str(program("etcdctl")), *told, "get", "/registry/secrets/default/s")
    assert "k8s:enc:" in kept
    assert "very-plain" not in kept
