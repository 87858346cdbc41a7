"""Tells freshly started nodes what they are: makes secrets and configs once for a cluster, applies them to nodes in
maintenance mode, has the first begin the cluster, and waits until each says that it runs and is ready. A node that has
its config is left alone, and so is a cluster that has begun."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from google.protobuf.empty_pb2 import Empty

from core.base.clock import SystemClock
from core.base.errors import NotReady
from core.base.files import write_atomic
from core.config import bundle, client, generate, images
from core.config.load import load, read
from core.config.merge import merge_text
from core.provision.cluster import provisioner
from core.provision.locking import exclusive
from core.provision.model import Cluster, Kind, Node
from core.provision.places import Places
from core.provision.timeline import Times, ask
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.resource.definitions.enums.enums_pb2 import RuntimeMachineStage
from core.rpc.pb.resource.definitions.runtime.runtime_pb2 import MachineStatusSpec
from core.rpc.pb.resource.definitions.secrets.secrets_pb2 import KubernetesCertsSpec
from core.rpc.pb.v1alpha1 import state_pb2 as state
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS

Progress = Callable[[str], None]
Patch = tuple[bytes, str]  # and its name
# how many times longer everything may take: a virtual machine's processor may be emulated
SLOWER: Final[dict[Kind, float]] = {"container": 1.0, "qemu": 5.0}
ANSWER_SECONDS: Final = 60.0
READY_SECONDS: Final = 120.0
CLUSTER_SECONDS: Final = 1200.0  # for the images of Kubernetes to come, and all of it to start
AGAIN: Final = 0.1  # seconds; a machine that boots cannot tell when it will listen
# a virtual machine's clock is this machine's, and this machine may have no way to a time server
_PATCHES: Final = {"container": (), "qemu": ((b"machine: {time: {disabled: true}}", "time"),)}
_NATIVE: Final = (b"cluster: {network: {cni: {name: native}}}", "network")
# container nodes have this machine's disk in common, and its table of connections is not theirs to size
_SHARED: Final = (
    (
        b"machine: {kubelet: {extraConfig: {evictionHard: {memory.available: 100Mi, nodefs.available: 2%,"
        b" imagefs.available: 2%}}}}",
        "disk",
    ),
    (
        b'cluster: {proxy: {extraArgs: {conntrack-max-per-core: "0", conntrack-min: "0",'
        b' conntrack-tcp-timeout-established: "0", conntrack-tcp-timeout-close-wait: "0"}}}',
        "connections",
    ),
)
# without a token no kubelet has a cluster to be in
_STANDALONE: Final = (b'[{"op": "remove", "path": "/cluster/token"}]', "standalone")
_RUNNING: Final = RuntimeMachineStage.MACHINE_STAGE_RUNNING
_CREDENTIALS: Final = state.GetRequest(namespace="secrets", type="KubernetesSecrets.secrets.talos.dev", id="k8s-certs")
_STATUS: Final = state.GetRequest(namespace="runtime", type="MachineStatuses.runtime.talos.dev", id="machine")


def configure(
    places: Places, cluster: Cluster, patches: tuple[Patch, ...], say: Progress, *, wait: bool
) -> client.ClientConfig:
    """The client config of the cluster, when every node has its machine config (and, with `wait`, is ready)."""
    folder = places.cluster(cluster.spec.name)
    with exclusive(places):  # secrets are made once
        access = _access(folder, cluster)
        configs = machine_configs(folder, cluster, patches)
    try:
        asyncio.run(_all(places, cluster, access, configs, say, wait))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None  # one node's failure ends the others' waiting
    return access


def access(places: Places, cluster: Cluster) -> client.ClientConfig:
    """The client config of the cluster as it is now."""
    with exclusive(places):
        return _access(places.cluster(cluster.spec.name), cluster)


def timeline(cluster: Cluster, access: client.ClientConfig) -> list[Times]:
    """How each node came up, by its own word."""
    context = access.get()
    known = ClientTLS(context.ca, context.crt, context.key)

    async def one(node: Node) -> Times:
        async with _channel(node, known) as channel:
            return await ask(node.name, channel)

    async def every() -> list[Times]:
        return await asyncio.gather(*map(one, cluster.nodes))

    return asyncio.run(every())


def kubeconfig(places: Places, cluster: Cluster, access: client.ClientConfig) -> Path:
    """The file by which kubectl reaches the cluster as its administrator, kept beside its other ones."""
    context, path = access.get(), places.cluster(cluster.spec.name) / "kubeconfig"

    async def asked() -> str:
        async with _channel(cluster.nodes[0], ClientTLS(context.ca, context.crt, context.key)) as channel:
            answer = await channel.unary("/cosi.resource.State/Get", _CREDENTIALS, state.GetResponse, timeout=10)
        return KubernetesCertsSpec.FromString(answer.resource.spec.proto_spec).admin_kubeconfig

    write_atomic(path, asyncio.run(asked()).encode())
    return path


def machine_configs(folder: Path, cluster: Cluster, patches: tuple[Patch, ...]) -> dict[bool, bytes]:
    """The config of control planes (False) and of workers (True), kept in `folder`. Of what the cluster has none, none
    is made: a patch may be one that only the other kind can take. Raises Invalid."""
    kinds = {node.worker for node in cluster.nodes}
    return {worker: _machine_config(folder, cluster, patches, worker=worker) for worker in kinds}


async def _all(
    places: Places,
    cluster: Cluster,
    access: client.ClientConfig,
    configs: dict[bool, bytes],
    say: Progress,
    wait: bool,
) -> None:
    context = access.get()
    known = ClientTLS(context.ca, context.crt, context.key)
    kind, machines = cluster.spec.kind, provisioner(places, cluster)
    async with asyncio.TaskGroup() as group:
        for node in cluster.nodes:
            group.create_task(_one(kind, node, known, configs[node.worker], machines.console(node), say))
    seconds = READY_SECONDS * SLOWER[kind]
    if not cluster.spec.standalone:
        await _begin(cluster.nodes[0], known, seconds, say)
        seconds = CLUSTER_SECONDS
    async with asyncio.TaskGroup() as group:
        for node in cluster.nodes if wait else ():
            group.create_task(_await(node, known, seconds, machines.console(node), say))


async def _one(kind: Kind, node: Node, known: ClientTLS, config: bytes, console: Path, say: Progress) -> None:
    if not await _answers(node, known, ANSWER_SECONDS * SLOWER[kind], console):
        say(f"{node.name}: in maintenance mode, applying its config")
        request = pb.ApplyConfigurationRequest(data=config, mode=pb.ApplyConfigurationRequest.AUTO)
        path = "/machine.MachineService/ApplyConfiguration"
        async with _channel(node, ClientTLS(insecure=True)) as channel:
            await channel.unary(path, request, pb.ApplyConfigurationResponse, timeout=120)


async def _begin(node: Node, known: ClientTLS, seconds: float, say: Progress) -> None:
    """Have the first control plane begin the cluster, unless that was done. Raises NotReady."""
    clock = SystemClock()
    deadline, last = clock.monotonic() + seconds, ""
    while clock.monotonic() < deadline:
        try:
            async with _channel(node, known) as channel:
                path = "/machine.MachineService/Bootstrap"
                await channel.unary(path, pb.BootstrapRequest(), pb.BootstrapResponse, timeout=60)
                say(f"{node.name}: begins the cluster")
                return
        except RpcError as error:
            if error.code is Code.ALREADY_EXISTS:
                return
            last = str(error)
        await clock.sleep(AGAIN)
    raise NotReady(f"{node.name} does not begin the cluster after {seconds:.0f} s: {last}")


async def _await(node: Node, known: ClientTLS, seconds: float, console: Path, say: Progress) -> None:
    say(f"{node.name}: waiting until it is ready")
    await _ready(node, known, seconds, console)
    say(f"{node.name}: ready")


async def _answers(node: Node, known: ClientTLS, seconds: float, console: Path) -> bool:
    """True when it answers us by name, False when it answers anybody. Raises NotReady."""
    clock = SystemClock()
    deadline, last = clock.monotonic() + seconds, ""
    while clock.monotonic() < deadline:
        for tls, configured in ((known, True), (ClientTLS(insecure=True), False)):
            try:
                async with _channel(node, tls) as channel:
                    await channel.unary("/machine.MachineService/Version", Empty(), pb.VersionResponse, timeout=5)
                    return configured
            except RpcError as error:
                last = str(error)
        await clock.sleep(AGAIN)
    raise NotReady(f"{node.name} does not answer after {seconds:.0f} s: {last}", remedy=f"look at {console}")


async def _ready(node: Node, known: ClientTLS, seconds: float, console: Path) -> None:
    clock = SystemClock()
    deadline, last = clock.monotonic() + seconds, ""
    while clock.monotonic() < deadline:
        try:
            async with _channel(node, known) as channel:
                answer = await channel.unary("/cosi.resource.State/Get", _STATUS, state.GetResponse, timeout=5)
            spec = MachineStatusSpec.FromString(answer.resource.spec.proto_spec)
            if spec.stage == _RUNNING and spec.status.ready:
                return
            last = ", ".join(f"{c.name}: {c.reason}" for c in spec.status.unmet_conditions) or f"stage {spec.stage}"
        except RpcError as error:
            last = str(error)
        await clock.sleep(AGAIN)
    raise NotReady(f"{node.name} is not ready after {seconds:.0f} s: {last}", remedy=f"look at {console}")


def _channel(node: Node, tls: ClientTLS) -> Channel:
    return Channel(f"{node.address}:{node.port}", tls, timeout=5)


def _access(folder: Path, cluster: Cluster) -> client.ClientConfig:
    """The client config kept in the cluster's folder, made the first time, for the nodes that there are."""
    path = folder / "client.yaml"
    if path.exists():
        made = client.load(path.read_bytes(), str(path))
    else:
        made = generate.client_config(_secrets(folder), _options(cluster), SystemClock().now())
    fronts = [n for n in cluster.nodes if not n.worker]
    endpoints = tuple(f"{n.address}:{n.port}" if n.port != 50000 else n.address for n in fronts)
    nodes = tuple(dict.fromkeys(n.address for n in cluster.nodes))
    context = msgspec.structs.replace(made.get(), endpoints=endpoints, nodes=nodes)
    if made.contexts.get(cluster.spec.name) != context:
        made = made.put(cluster.spec.name, context)
        write_atomic(path, client.save(made))
    return made


def _machine_config(folder: Path, cluster: Cluster, patches: tuple[Patch, ...], *, worker: bool) -> bytes:
    path = folder / ("worker.yaml" if worker else "controlplane.yaml")
    if not path.exists():
        make = generate.worker if worker else generate.control_plane
        config = read(make(_secrets(folder), _options(cluster)), path.name)
        for patch, name in (*_given(cluster), *_listed(cluster, worker), *patches):
            config = read(merge_text(config, patch, name), path.name)
        write_atomic(path, load(config.text, path.name).text)
    return path.read_bytes()


def _listed(cluster: Cluster, worker: bool) -> tuple[Patch, ...]:
    """For control planes that are several, who they all are; where each has an address of its own."""
    addresses = {node.address for node in cluster.nodes if not node.worker}
    if worker or len(addresses) < max(2, cluster.spec.control_planes):
        return ()
    text = f"apiVersion: ichor.dev/v1alpha1\nkind: ControlPlanesConfig\naddresses: [{', '.join(sorted(addresses))}]\n"
    return ((text.encode(), "control planes"),)


def _given(cluster: Cluster) -> Iterator[Patch]:
    """What the config of such a node says before anybody's own patches."""
    spec, first = cluster.spec, cluster.nodes[0]
    yield from _PATCHES[spec.kind]
    if spec.standalone:
        yield _STANDALONE
        return
    yield _NATIVE
    if spec.kind == "container":
        yield from _SHARED
    if first.kubernetes:  # one URL for both sides of what QEMU forwards
        text = f"cluster: {{controlPlane: {{localAPIServerPort: {first.kubernetes}}}}}"
        yield text.encode(), "port"


def _secrets(folder: Path) -> bundle.Bundle:
    path = folder / "secrets.yaml"
    if not path.exists():
        write_atomic(path, bundle.save(generate.new_secrets(SystemClock().now())))
    return bundle.load(path.read_bytes(), str(path))


def _options(cluster: Cluster) -> generate.Options:
    first, spec = cluster.nodes[0], cluster.spec
    return generate.Options(
        name=spec.name,
        endpoint=f"https://{first.address}:{first.kubernetes or 6443}",
        kubernetes=spec.kubernetes or images.KUBERNETES,
        install_disk="/dev/vdb",
        registry_mirrors=spec.mirrors,
        discovery=True,
    )
