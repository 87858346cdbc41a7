"""A real kube-apiserver over a real etcd, with certificates, on a loopback address of its own: for a block. Nothing
else of Kubernetes runs, so nobody schedules, collects or approves but who is tested. Both end with the block, by their
pids."""

import base64
import http.client
import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep, time
from typing import Any, Final

from core.cluster.etcd import flags
from core.cluster.kubernetes.client import Kubernetes
from core.pki.types import Algorithm, Authority, Client, Member, Pair
from core.rpc.tls import ClientTLS
from tests.support.etcd import Etcds, issued, program
from tests.support.fixtures import kubernetes

PORT: Final = 6443
MASTERS: Final = "system:masters"
_SECONDS: Final = 120  # until it serves; it is 4 on an idle machine
_SIGNS: Final = ("/readyz", "/api/v1/namespaces/default", "/api/v1/namespaces/kube-system")
_TIES: Final = ("setpriv", "--pdeathsig", "KILL")


class ApiServer:
    """It may be killed and started again. `address` is host:port, `ca` the authority's certificate, `folder` where its
    `log` is."""

    def __init__(self, folder: Path, etcds: Etcds, extra: tuple[str, ...]) -> None:
        self.folder, self._etcd, self._extra = folder, etcds.all[0], extra
        self.host = self._etcd.address
        self.address = f"{self.host}:{PORT}"
        made = issued(Authority(time(), Algorithm.P256, "kubernetes"))
        self.authority = Pair(made.crt, made.key)
        self.ca = made.crt
        self._process: subprocess.Popen[bytes] | None = None
        etcd = issued(Client(time(), etcds.authority, (), "apiserver"))
        own = issued(Member(time(), self.authority, "kube-apiserver", ("localhost",), (self.host,)))
        admin = issued(Client(time(), self.authority, (MASTERS,), "admin"))
        account = issued(Authority(time(), Algorithm.P256))
        files = {"ca.crt": made.crt, "server.crt": own.crt, "server.key": own.key, "etcd-ca.crt": etcd.ca}
        files |= {"etcd.crt": etcd.crt, "etcd.key": etcd.key, "account.key": account.key}
        files |= {"admin.crt": admin.crt, "admin.key": admin.key}
        for name, data in files.items():
            (folder / name).write_bytes(data)

    def start(self) -> None:
        """Run it until it serves. Raises AssertionError with what it said when it ends or is not ready in time."""
        command = [*_TIES, str(kubernetes.program("kube-apiserver")), *self._arguments()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        deadline = time() + _SECONDS
        while not self._ready():
            assert self._process.poll() is None and time() < deadline, (self.folder / "log").read_text()[-4000:]
            sleep(0.05)

    def kill(self) -> None:
        """End it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def forget(self) -> None:
        """Have etcd keep nothing but what there is now: older versions have expired."""
        shown = json.loads(self._etcdctl("endpoint", "status", "--write-out=json"))
        self._etcdctl("compaction", str(shown[0]["Status"]["header"]["revision"]))

    def tls(self, name: str = "admin", groups: tuple[str, ...] = (MASTERS,)) -> ClientTLS:
        """What a user shows."""
        made = issued(Client(time(), self.authority, groups, name))
        return ClientTLS(self.ca, made.crt, made.key)

    def client(self, name: str = "admin", groups: tuple[str, ...] = (MASTERS,)) -> Kubernetes:
        """A user's client, to be closed."""
        return Kubernetes(self.address, self.tls(name, groups))

    def kubeconfig(self, name: str = "admin", groups: tuple[str, ...] = (MASTERS,)) -> bytes:
        """A user's kubeconfig, as JSON, which is YAML."""
        made = issued(Client(time(), self.authority, groups, name))
        cluster = {"server": f"https://{self.address}", "certificate-authority-data": _base64(self.ca)}
        user = {"client-certificate-data": _base64(made.crt), "client-key-data": _base64(made.key)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "it", "context": {"cluster": "here", "user": name}}],
            "current-context": "it",
        }
        return json.dumps(config).encode()

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What the stock client says, as an administrator. Raises CalledProcessError."""
        file = self.folder / "admin.kubeconfig"
        if not file.exists():
            file.write_bytes(self.kubeconfig())
        command = [
            str(kubernetes.kubectl()),
            f"--kubeconfig={file}",
            f"--cache-dir={self.folder / 'cache'}",
            *arguments,
        ]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self, *arguments: str) -> Any:
        """What `kubectl get` finds, as JSON."""
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def apply(self, thing: Any) -> None:
        """Have an object, by the stock client."""
        self.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(thing))

    def _etcdctl(self, *arguments: str) -> str:
        told = {"cacert": "etcd-ca.crt", "cert": "etcd.crt", "key": "etcd.key"}
        flagged = [f"--{flag}={self.folder / file}" for flag, file in told.items()]
        command = [
            str(program("etcdctl")),
            f"--endpoints=https://{self.host}:{flags.CLIENT_PORT}",
            *flagged,
            *arguments,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def _arguments(self) -> list[str]:
        here = self.folder
        told = {
            "bind-address": self.host,
            "advertise-address": self.host,
            "secure-port": str(PORT),
            "endpoint-reconciler-type": "none",  # an endpoint must not be a loopback address
            "etcd-servers": f"https://{self.host}:{flags.CLIENT_PORT}",
            "etcd-cafile": str(here / "etcd-ca.crt"),
            "etcd-certfile": str(here / "etcd.crt"),
            "etcd-keyfile": str(here / "etcd.key"),
            "tls-cert-file": str(here / "server.crt"),
            "tls-private-key-file": str(here / "server.key"),
            "client-ca-file": str(here / "ca.crt"),
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": str(here / "account.key"),
            "service-account-signing-key-file": str(here / "account.key"),
            "service-cluster-ip-range": "10.96.0.0/16",
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "disable-admission-plugins": "ServiceAccount",  # nobody here makes the accounts that pods would need
            "enable-bootstrap-token-auth": "true",
            "allow-privileged": "true",
            "cert-dir": str(here),
        }
        return [*(f"--{flag}={value}" for flag, value in told.items()), *self._extra]

    def _ready(self) -> bool:
        trust = ssl.create_default_context(cadata=self.ca.decode())
        trust.load_cert_chain(self.folder / "admin.crt", self.folder / "admin.key")
        connection = http.client.HTTPSConnection(self.host, PORT, context=trust, timeout=5)
        try:
            return all(_good(connection, path) for path in _SIGNS)
        except (http.client.HTTPException, OSError):
            return False
        finally:
            connection.close()


@contextmanager
def serving(folder: Path, *extra: str) -> Iterator[ApiServer]:
    """One that serves; `extra` are flags."""
    etcds = Etcds(folder)
    try:
        member = etcds.add("etcd")
        member.start([f"{member.name}={member.peer_urls[0]}"], new=True)
        server = ApiServer(folder, etcds, extra)
        try:
            server.start()
            yield server
        finally:
            server.kill()
    finally:
        etcds.end()


def _good(connection: http.client.HTTPSConnection, path: str) -> bool:
    connection.request("GET", path)
    with connection.getresponse() as answer:
        answer.read()
        return answer.status == http.HTTPStatus.OK


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
