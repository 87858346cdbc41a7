"""Control planes with a real etcd, and nothing of Kubernetes: container nodes, and a registry with etcd's image that
they reach, for as long as a block lasts."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from core.config import bundle
from core.pki.types import Client, Pair
from core.rpc.tls import ClientTLS
from tests.support import cluster
from tests.support.cluster import Node, documents
from tests.support.etcd import issued, program
from tests.support.fixtures import images, registry, standing
from tests.support.pid1 import until

SECONDS = 120.0  # of both processors being busy with others


@contextmanager
def running(folder: Path, nodes: int = 1) -> Iterator[list[Node]]:
    """So many, ready to be bootstrapped."""
    with standing.reachable(registry.storage((images.ETCD,))) as url:
        patch = {
            "machine": {"registries": {"mirrors": {"*": {"endpoints": [url]}}}},
            "cluster": {"etcd": {"image": images.ETCD.images()[0].name}},
        }
        with cluster.running(folder, "etcd", nodes, ((json.dumps(patch).encode(), "etcd"),)) as made:
            for node in made:
                until(partial(_waits, node), SECONDS, what=f"etcd of {node.name} to wait")
            yield made


def _waits(node: Node) -> bool:
    return state(node)[0] == "Preparing"


def up(node: Node, other_than: int = 0) -> None:
    """Return when its etcd serves, by a process other than that."""
    until(lambda: state(node) == ("Running", True) and pid(node) not in (0, other_than), SECONDS, what="etcd to serve")


def state(node: Node) -> tuple[str, bool]:
    """Of the service: its state, and whether it is known to be healthy."""
    said = node.ichorctl("service", "etcd", "-o", "json", code=None)
    if said.code:
        return "", False  # machined is not there
    (service,) = documents(said.out)[0]["services"]
    return service["state"], bool(service["health"].get("healthy"))


def pid(node: Node) -> int:
    """etcd's, as this machine counts; 0 when it does not run. It has a namespace of its own, so its flags tell whose it
    is."""
    told = f"--advertise-client-urls=https://{node.address}:2379".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if told in words and words[0].endswith(b"/etcd"):
            return int(process.name)
    return 0


def members(node: Node) -> dict[str, bool]:
    """Whom etcd has as members, by name; whether each is a learner."""
    listed = documents(node.ichorctl("etcd", "members", "-o", "json").out)[0]["members"]
    return {member["hostname"]: member["isLearner"] for member in listed}


def ctl(node: Node, folder: Path, *arguments: str) -> str:
    """What etcdctl says, asked of this node's member; its certificate is made in `folder`."""
    authority, crt, key = _credentials(node)
    flags = [f"--endpoints=https://{node.address}:2379"]
    for flag, data in (("cacert", authority), ("cert", crt), ("key", key)):
        (folder / flag).write_bytes(data)
        flags.append(f"--{flag}={folder / flag}")
    command = [str(program("etcdctl")), *flags, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def tls(node: Node) -> ClientTLS:
    """By which the members of its cluster take a client."""
    return ClientTLS(*_credentials(node))


def _credentials(node: Node) -> tuple[bytes, bytes, bytes]:
    """etcd's authority, and a certificate with its key, made just now."""
    bundled = bundle.load((node.home.places.cluster(node.cluster.spec.name) / "secrets.yaml").read_bytes())
    authority = bundled.certs.etcd
    made = issued(Client(time.time(), Pair(authority.crt, authority.key), (), "test"))
    return authority.crt, made.crt, made.key
