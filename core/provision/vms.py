"""Nodes as QEMU machines: a kernel, firmware tables, disks and dm-verity of their own. Owns the node's folder (disk,
console, monitor); the API is reached through a loopback port that QEMU forwards."""

import shutil
import uuid
from dataclasses import replace
from pathlib import Path

from core.provision.accelerator import accelerator
from core.provision.model import Cluster, Node, forget
from core.provision.places import Places
from core.provision.qemu import Disk, Forward, Machine, Spec

API_PORT = 50000


class VirtualMachines:
    """The provisioner for `kind: qemu`."""

    def __init__(self, places: Places, cluster: Cluster) -> None:
        self.places = places
        self.cluster = cluster

    def prepare(self) -> None:
        """Nothing is shared between machines."""

    def start(self, node: Node) -> None:
        """Power on, with a blank disk the first time."""
        folder = self._folder(node)
        folder.mkdir(parents=True, exist_ok=True)
        disk = folder / "disk.raw"
        if not disk.exists():
            with disk.open("wb") as file:
                file.truncate(self.cluster.spec.disk)
        machine = self.machine(node)
        if not machine.running:
            Machine(replace(machine.spec, accel=accelerator(machine.spec.kernel))).start()

    def stop(self, node: Node) -> None:
        """The power button, then the plug."""
        self.machine(node).stop()

    def running(self, node: Node) -> bool:
        """Whether QEMU lives."""
        return self.machine(node).running

    def remove(self, node: Node) -> None:
        """Pull its plug and remove its files."""
        self.machine(node).kill()
        if self._folder(node).exists():
            shutil.rmtree(self._folder(node))

    def destroy(self) -> None:
        """Pull every plug and remove every file."""
        for node in self.cluster.nodes:
            self.machine(node).kill()
        forget(self.places, self.cluster)

    def console(self, node: Node) -> Path:
        """The serial console's file."""
        return self._folder(node) / "console.log"

    def machine(self, node: Node) -> Machine:
        """The QEMU machine behind a node."""
        spec, image = self.cluster.spec, Path(self.cluster.spec.image)
        folder = self._folder(node)
        ports = [Forward(guest=API_PORT, port=node.port)]
        ports += [Forward(guest=node.kubernetes, port=node.kubernetes)] * bool(node.kubernetes)
        words = f"talos.platform=metal talos.hostname={node.name} panic=10 {spec.cmdline}".rstrip()
        return Machine(
            Spec(
                folder=folder,
                kernel=image / "vmlinuz",
                initrd=image / "initramfs.cpio.zst",
                cmdline=words,
                disks=(Disk(path=image / "ichor.img", read_only=True), Disk(path=folder / "disk.raw", serial="system")),
                forwards=tuple(ports),
                memory_mib=spec.memory >> 20,
                cpus=spec.cpus,
                watchdog=True,
                uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{spec.name}/{node.name}")),
            )
        )

    def _folder(self, node: Node) -> Path:
        return self.places.node(self.cluster.spec.name, node.name)
