"""What happens between fork and exec of a container node's PID 1: the namespaces, the root with its mounts, then
`/usr/sbin/init`. Runs in a child that never returns; everything it needs is in a Plan made by the keeper before."""

import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from core.linux.mount import MS, bind, mount, move_root
from core.provision import cgroups
from ext import sys as kernel

NAMESPACES: Final = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWCGROUP
)
INIT: Final = "/usr/sbin/init"
_DEVICES: Final = {
    "null": (1, 3, 0o666),
    "zero": (1, 5, 0o666),
    "full": (1, 7, 0o666),
    "random": (1, 8, 0o666),
    "urandom": (1, 9, 0o666),
    "tty": (5, 0, 0o666),
    "kmsg": (1, 11, 0o644),
    "fuse": (10, 229, 0o600),
}
_LINKS: Final = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
# machine-wide knobs: a node is root on this kernel, so they are read-only whatever runs in it
_GUARDED: Final = (
    *(f"proc/sys/{name}" for name in ("abi", "crypto", "debug", "dev", "fs", "kernel", "sunrpc", "user", "vm")),
    *(f"proc/{name}" for name in ("acpi", "bus", "fs", "irq", "mtrr", "scsi", "sysrq-trigger")),
)
# the kubelet ends if it cannot set these; a node may not, so it finds them as it would have them
_FOUND: Final = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}
# what nothing in a node may ever do to this machine: its clock, its modules, its memory and ports. CAP_SYS_BOOT stays,
# for reboot(2) in a pid namespace ends that; CAP_MKNOD too, for containers make devices and runc judges them
_SHED: Final = (kernel.CAP_SYS_TIME, kernel.CAP_SYS_MODULE, kernel.CAP_SYS_RAWIO)


class Plan(msgspec.Struct, frozen=True):
    """What is mounted where: the image's tree on this machine and its file, the node's folder with what is its own."""

    image_root: str
    image_file: str
    folder: str

    @property
    def mountpoint(self) -> Path:
        return Path(self.folder) / "root"

    def own(self, name: str) -> Path:
        return Path(self.folder) / name


def build_root(plan: Plan) -> None:
    """In fresh namespaces as PID 1: assemble the root and make it `/`."""
    mount(None, "/", None, MS.REC | MS.PRIVATE)
    root = plan.mountpoint
    bind(plan.image_root, root, MS.RDONLY | MS.NOSUID | MS.NODEV)
    for name, options in (("run", "mode=0755"), ("system", "mode=0755"), ("tmp", "mode=1777,size=64m")):
        mount("tmpfs", root / name, "tmpfs", MS.NOSUID | MS.NODEV | MS.NOEXEC, options)
    _devices(root / "dev")
    mount("proc", root / "proc", "proc", MS.NOSUID | MS.NODEV | MS.NOEXEC)
    mount("sysfs", root / "sys", "sysfs", MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC)
    _hierarchies(root / "sys/fs/cgroup")
    _own_folders(plan, root)
    for name in _GUARDED:
        if (root / name).exists():
            bind(root / name, root / name, MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC)
    _found(root)
    bind(plan.own("cmdline"), root / "proc/cmdline", MS.RDONLY)
    bind(plan.own("boot_id"), root / "proc/sys/kernel/random/boot_id", MS.RDONLY)
    move_root(root)
    mount(None, "/", None, MS.REC | MS.SHARED)


def exec_init(console: int) -> None:
    """Replace this process by the node's init with `console` as its output. Every other descriptor is close-on-exec."""
    for capability in _SHED:
        kernel.prctl(kernel.PR_CAPBSET_DROP, capability)  # exec by root takes the rest away
    null = os.open("/dev/null", os.O_RDWR)
    for fd, source in ((0, null), (1, console), (2, console)):
        os.dup2(source, fd)
    os.execve(INIT, ["init"], {"PATH": "/usr/bin:/usr/sbin", "TERM": "linux"})


def _devices(dev: Path) -> None:
    mount("tmpfs", dev, "tmpfs", MS.NOSUID, "mode=0755,size=1m")
    mask = os.umask(0)
    for name, (major, minor, mode) in _DEVICES.items():
        os.mknod(dev / name, stat.S_IFCHR | mode, os.makedev(major, minor))
    os.umask(mask)
    for name, target in _LINKS.items():
        (dev / name).symlink_to(target)
    for name in ("pts", "shm", "mqueue"):
        (dev / name).mkdir()
    mount("devpts", dev / "pts", "devpts", MS.NOSUID | MS.NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5")
    mount("tmpfs", dev / "shm", "tmpfs", MS.NOSUID | MS.NODEV, "mode=1777")
    mount("mqueue", dev / "mqueue", "mqueue", MS.NOSUID | MS.NODEV | MS.NOEXEC)


def _hierarchies(target: Path) -> None:
    flags = MS.NOSUID | MS.NODEV | MS.NOEXEC
    found = cgroups.hierarchies()
    if found == [cgroups.ROOT]:
        mount("cgroup2", target, "cgroup2", flags, "nsdelegate,memory_recursiveprot")
        return
    mount("tmpfs", target, "tmpfs", flags, "mode=0755")
    for hierarchy in found:
        folder = target / hierarchy.name
        folder.mkdir()
        if (hierarchy / "cgroup.kill").exists() or hierarchy.name == "unified":
            mount("cgroup2", folder, "cgroup2", flags)
        elif hierarchy.name == "systemd":
            mount("cgroup", folder, "cgroup", flags, "none,name=systemd")
        else:
            mount("cgroup", folder, "cgroup", flags, hierarchy.name)


def _found(root: Path) -> None:
    folder = root / "run/ichor/sysctl"
    folder.mkdir(mode=0o755)
    for name, value in _FOUND.items():
        if (root / "proc/sys" / name).exists():
            answer = folder / name.replace("/", ".")
            answer.write_text(f"{value}\n")
            bind(answer, root / "proc/sys" / name, MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC)


def _own_folders(plan: Plan, root: Path) -> None:
    bind(plan.own("var"), root / "var", MS.NOSUID | MS.NODEV)
    (root / "system/state").mkdir(mode=0o700)
    bind(plan.own("state"), root / "system/state", MS.NOSUID | MS.NODEV | MS.NOEXEC)
    (root / "run/ichor").mkdir(mode=0o755)
    (root / "run/ichor/meta").touch(mode=0o600)
    bind(plan.own("meta"), root / "run/ichor/meta", MS.NOSUID | MS.NODEV | MS.NOEXEC)
    (root / "run/ichor/image").touch(mode=0o600)  # so that the node can check what it runs
    bind(plan.image_file, root / "run/ichor/image", MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC)
