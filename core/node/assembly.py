"""Puts a node together: the store and its types, the controllers of every domain, services, sequences. The one place
that knows all parts; each part knows only resources."""

import os
from functools import partial
from pathlib import Path

from core.base.clock import Clock
from core.cluster.discovery.table import Table
from core.linux import capabilities, image
from core.linux.cgroup import Tree
from core.linux.init import Init
from core.linux.network import Network
from core.linux.refusal import asked
from core.linux.uevents import Uevents
from core.node import build, lifetimes
from core.node.containers.client import Containerd
from core.node.containers.pods import Pods
from core.node.controllers import block, cluster, config, cri, etcd, files, hardware, network, runtime, secrets, time
from core.node.controllers.config import ROOM, Acquire, InForce
from core.node.controllers.k8s import controlplane
from core.node.controllers.k8s import kubelet as k8s_kubelet
from core.node.controllers.k8s import manifests as k8s_manifests
from core.node.controllers.k8s import network as k8s_network
from core.node.controllers.k8s import secrets as k8s_secrets
from core.node.controllers.k8s.approval import Approval
from core.node.controllers.k8s.nodes import nodes
from core.node.controllers.runtime import MachineStatusController
from core.node.controllers.runtime.kernelparams import kernel_params
from core.node.etcd.place import Place
from core.node.etcd.tool import Tool
from core.node.events import Bus
from core.node.lifecycle.runner import Runner, Running
from core.node.lifecycle.tables import SEQUENCES
from core.node.node import Node, Platform
from core.node.resources import NAMESPACES, REGISTRY
from core.node.services import containerd, imagecheck, kubeprism
from core.node.services import etcd as etcd_service
from core.node.services.daemons import Daemons, Want
from core.node.services.kernel import DEVICE, KernelLog
from core.node.services.kubelet import Kubelet
from core.node.services.logs import Logs
from core.node.services.supervisor import Supervisor
from core.node.services.table import services
from core.node.survivor import Survivor
from core.node.work import Work
from core.pki.types import KUBERNETES_LIFETIME
from core.rpc.client import Channel
from core.state import Runtime, Store


def assemble(init: Init, work: Work, want: Want, clock: Clock) -> Node:
    """The node of this machine; nothing runs yet. Call it on a running loop. `work` has jobs done by workers, `want`
    has daemons run."""
    what = build.read()
    able = capabilities.detect()
    words = Path("/proc/cmdline").read_text()
    store, events, logs = Store(REGISTRY, clock, NAMESPACES), Bus.open(init, clock), Logs(init)
    lifecycle = Runner(SEQUENCES, events, Survivor(init, "sequence", Running), clock)
    status = MachineStatusController(lambda: _doing(lifecycle), events)
    lifecycle.changed = status.changed
    acquire = Acquire(Survivor(init, "config", InForce, ROOM), clock, events)
    devices = Uevents()
    checker = imagecheck.Checker(lambda: image.running(able, image.Ground()), logs, clock.now)
    meta = block.MetaKeys(block.Place())
    settings, auths = containerd.detect(), partial(cri.logins, store)
    on_aws, lifetime = _platform(words).name == "aws", lifetimes.shortened(words, KUBERNETES_LIFETIME)
    kubelet = Kubelet(store, work, clock, on_aws=on_aws, lifetime=lifetime)
    tree, client = Tree.detect(), Containerd(Channel(settings.socket), clock)
    place = Place(store, clock)
    tool = Tool(client, lambda: place.spec.image, tree.path("podruntime/etcd"))
    node = Node(
        init=init,
        clock=clock,
        build=what,
        platform=_platform(words),
        capabilities=able,
        store=store,
        runtime=Runtime(store, clock),
        events=events,
        logs=logs,
        kernel_log=KernelLog(logs.log("kernel"), clock) if os.access(DEVICE, os.R_OK) else None,
        config=acquire,
        services=Supervisor(
            services(
                clock,
                settings,
                checker.service(),
                etcd_service.service(place, tool),
                kubeprism.service(store),
                kubelet.service(),
                auths=auths,
            ),
            init=init,
            tree=tree,
            logs=logs,
            store=store,
            events=events,
            clock=clock,
        ),
        daemons=Daemons(want, asked(DEVICE, clock)),
        lifecycle=lifecycle,
        devices=devices,
        work=work,
        meta=meta,
        wiper=block.Wiper(block.Place(), folders=not able.block),
        etcd=place,
        etcd_tool=tool,
        affiliates=Table(clock),
        lifetime=lifetimes.server(words),
    )
    lifecycle.machine = node
    wires = Network()
    for controller in (
        *runtime.facts(what),
        *kernel_params(able),
        runtime.LastReboot(),
        runtime.Maintenance(),
        status,
        acquire,
        config.machine_type(),
        secrets.os_root(),
        secrets.CertSANs(),
        secrets.MaintenanceAuthority(work),
        secrets.APICertificates(work, node.lifetime, node.lifetime),
        secrets.TrustdCertificates(),
        *secrets.cluster(init, work, partial(lifetimes.shortened, words)),
        *k8s_secrets.controllers(work),
        runtime.Trustd(lambda wanted: node.daemons.want("trustd", wanted, node.services)),
        *network.network(wires),
        network.SharedAddresses(place),
        *cluster.cluster(what, node.affiliates),
        *k8s_network.network(
            lambda moved: kubeprism.run(node.services, moved), lambda: node.services.stop(kubeprism.ID)
        ),
        *k8s_kubelet.controllers(kubelet, Pods(client), work, lambda: node.begin(k8s_kubelet.ID), node.services),
        *k8s_manifests.manifests(clock),
        Approval(clock),
        *nodes(),
        files.etc_files(),
        *controlplane.controllers(init, node.runtime),
        cri.registries(),
        cri.RegistryFiles(),
        cri.ImageGC(client),
        cri.Credentials(lambda: containerd.stale(settings, auths()), lambda: node.services.renew("containerd")),
        *etcd.etcd(place, lambda: node.services.renew(etcd_service.ID)),
        *time.time(wires, clock, able, what.time),
        *hardware.controllers(able, devices.listen, events, clock.now),
        hardware.image_check(lambda: checker.status(node.services.unit(imagecheck.ID).record), checker.said),
        hardware.PowerButton(able, devices.listen, lambda: lifecycle.start("shutdown")),
        *block.controllers(able, devices.listen, meta=meta),
    ):
        node.runtime.register(controller)
    return node


def _doing(lifecycle: Runner) -> str:
    """The running sequence; none only after a boot, for before it and between its parts the machine comes up."""
    if lifecycle.current is not None:
        return lifecycle.current.sequence
    return "" if lifecycle.ended == "boot" else "initialize"


def _platform(words: str) -> Platform:
    name = capabilities.platform(words)
    return Platform(name, name if name in ("container", "metal") else "cloud")
