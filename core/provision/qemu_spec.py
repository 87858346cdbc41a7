"""What a QEMU machine is made of, and the command line that makes it. Values only: starts nothing, reads nothing."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A raw image seen by the guest as a virtio disk, in the order given: vda, vdb, ..."""

    path: Path
    read_only: bool = False
    serial: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """A port on the host's loopback that leads into the guest; port 0 lets QEMU take a free one (see `ports`)."""

    guest: int
    port: int = 0
    host: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """Everything a machine is made of. `folder` is its state on the host and must exist."""

    folder: Path
    kernel: Path
    initrd: Path | None = None
    cmdline: str = ""
    disks: tuple[Disk, ...] = ()
    forwards: tuple[Forward, ...] = ()
    network: bool = True
    memory_mib: int = 1024
    cpus: int = 1
    accel: str = "tcg"
    watchdog: bool = False
    # counts instructions in place of time, so that two runs do the same (HOUSE section 8)
    deterministic: bool = False
    exit_on_reboot: bool = False
    uuid: str = ""
    extra: tuple[str, ...] = ()


def command(spec: Spec, qmp_fd: int) -> list[str]:
    """QEMU's argument list for `spec`; the monitor listens on the inherited `qmp_fd`."""
    args = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35"]
    args += ["-cpu", "host" if spec.accel.startswith("kvm") else "max", "-m", str(spec.memory_mib)]
    args += ["-chardev", f"socket,id=qmp,fd={qmp_fd},server=on,wait=off", "-mon", "chardev=qmp,mode=control"]
    args += ["-chardev", "file,id=console,path=console.log", "-serial", "chardev:console"]
    args += ["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"]
    if spec.deterministic:
        args += ["-accel", "tcg,thread=single", "-icount", "shift=5,sleep=off", "-smp", "1"]
        args += ["-rtc", "clock=vm,base=2026-01-01"]
    else:
        args += ["-accel", spec.accel, "-smp", str(spec.cpus)]
    args += ["-kernel", _quoted(spec.kernel), "-append", f"console=ttyS0 {spec.cmdline}".rstrip()]
    if spec.initrd is not None:
        args += ["-initrd", _quoted(spec.initrd)]
    for index, disk in enumerate(spec.disks):
        read_only = "on" if disk.read_only else "off"
        args += [
            "-drive",
            f"file={_quoted(disk.path)},if=none,id=d{index},format=raw,readonly={read_only},discard=unmap",
        ]
        args += ["-device", f"virtio-blk-pci,drive=d{index}" + (f",serial={disk.serial}" if disk.serial else "")]
    args += ["-netdev", _user_network(spec.forwards), "-device", "virtio-net-pci,netdev=n0,romfile="] * spec.network
    args += ["-device", "i6300esb", "-action", "watchdog=reset"] * spec.watchdog
    args += ["-no-reboot"] * spec.exit_on_reboot
    args += ["-uuid", spec.uuid] if spec.uuid else []
    return [*args, *spec.extra]


def _quoted(path: Path) -> str:
    """QEMU's option syntax doubles a comma."""
    return str(path.absolute()).replace(",", ",,")


def _user_network(forwards: tuple[Forward, ...]) -> str:
    return ",".join(["user,id=n0", *(f"hostfwd=tcp:{f.host}:{f.port}-:{f.guest}" for f in forwards)])
