"""Makes and unmakes clusters of machines. Owns the record, the choice of addresses and the order of steps; what a node
is made of is the provisioner's, what the nodes are told is `bringup`'s."""

import errno
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol

from core.base.errors import AlreadyExists, NotFound
from core.provision import model, network, rootfs, subnets
from core.provision.container import Containers
from core.provision.locking import exclusive
from core.provision.model import Cluster, ClusterSpec, Node
from core.provision.places import Places
from core.provision.vms import VirtualMachines

Progress = Callable[[str], None]
# of this machine and of a virtual one alike: below what either takes for connections of its own, and for node ports
_KUBERNETES: Final = range(16443, 30000)


class Provisioner(Protocol):
    """One way of running nodes on this machine. Every method may be called again after a crash."""

    def prepare(self) -> None: ...

    def start(self, node: Node) -> None: ...

    def stop(self, node: Node) -> None: ...

    def running(self, node: Node) -> bool: ...

    def remove(self, node: Node) -> None: ...

    def destroy(self) -> None: ...

    def console(self, node: Node) -> Path: ...


def provisioner(places: Places, cluster: Cluster) -> Provisioner:
    """The one for the cluster's kind."""
    return Containers(places, cluster) if cluster.spec.kind == "container" else VirtualMachines(places, cluster)


def create(places: Places, spec: ClusterSpec, verify: Callable[[Path], object], say: Progress) -> Cluster:
    """Check the image with `verify`, record the cluster, start its machines. Asking again for the same starts what does
    not run; a cluster of that name with another spec raises AlreadyExists."""
    image = Path(spec.image) / "ichor.img"
    if not image.exists():
        raise NotFound(f"no image at {image}", remedy="make image")
    with exclusive(places):
        if spec.name in model.names(places):
            cluster = model.load(places, spec.name)
            if cluster.spec != spec:
                raise AlreadyExists(
                    f"cluster {spec.name} exists with other settings", remedy="ichorctl cluster destroy"
                )
        else:
            say("checking the image's signature and hash tree")
            verify(image)
            cluster = _plan(places, spec, image)
            model.save(places, cluster)
        machines = provisioner(places, cluster)
        machines.prepare()
        for node in cluster.nodes:
            say(f"starting {node.name}")
            machines.start(node)
    return cluster


def destroy(places: Places, name: str) -> None:
    """Remove the cluster and all it had. Raises NotFound."""
    with exclusive(places):
        provisioner(places, model.load(places, name)).destroy()


def _plan(places: Places, spec: ClusterSpec, image: Path) -> Cluster:
    digest = rootfs.digest(image)
    counts = (("controlplane", spec.control_planes), ("worker", spec.workers))
    names = [f"{spec.name}-{kind}-{n}" for kind, count in counts for n in range(1, count + 1)]
    if spec.kind == "qemu":
        kubernetes = 0 if spec.standalone else _free_port(_KUBERNETES)
        nodes = tuple(Node(name, "127.0.0.1", _free_port(), kubernetes=kubernetes) for name in names)
        return Cluster(spec, digest, "", "", "", nodes)
    others = [model.load(places, name).subnet for name in model.names(places)]
    subnet = subnets.pick(subnets.taken_by(network.routes(), others))
    hosts = list(subnet.hosts())
    numbered = enumerate(zip(names, hosts[1:], strict=False))
    nodes = tuple(Node(name, str(host), worker=n >= spec.control_planes) for n, (name, host) in numbered)
    bridge = network.bridge_name(str(places.cluster(spec.name).resolve()))
    return Cluster(spec, digest, str(subnet), str(hosts[0]), bridge, nodes)


def _free_port(wanted: Iterable[int] = (0,)) -> int:
    """A loopback port that was free a moment ago; recorded, so that the node keeps it over restarts. NotFound: none."""
    for port in wanted:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            found: int = probe.getsockname()[1]
            return found
    raise NotFound("no loopback port is free", remedy="ichorctl cluster destroy")
