"""The kernel's capabilities by name, in the order of include/uapi/linux/capability.h, and which this process has."""

from typing import Final

from ext import sys as kernel

_ORDER: Final = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT "
    "SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
    "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
NAMES: Final = tuple(f"CAP_{name}" for name in _ORDER.split())


def named(mask: int) -> frozenset[str]:
    """The names of a mask's bits; one the kernel has and we do not know is left out."""
    return frozenset(name for number, name in enumerate(NAMES) if mask >> number & 1)


def held() -> frozenset[str]:
    """What this process may grant to what it starts."""
    return named(kernel.capget()[1])
