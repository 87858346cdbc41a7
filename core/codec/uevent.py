"""A kernel uevent's datagram -> value (Documentation/core-api/kobject.rst; `kobject_uevent_env`): "action@devpath" and
NUL-ended KEY=VALUE pairs. Refuses what a udev daemon sends on the same family, and anything without its header."""

from collections.abc import Mapping

import msgspec

from core.base.errors import Invalid


class Uevent(msgspec.Struct, frozen=True):
    """What happened to which object of sysfs. `devpath` is absolute below /sys."""

    action: str
    devpath: str
    values: Mapping[str, str]

    @property
    def subsystem(self) -> str:
        return self.values.get("SUBSYSTEM", "")

    @property
    def modalias(self) -> str:
        """What to look up in modules.alias; empty when the device names no driver."""
        return self.values.get("MODALIAS", "")


def decode(datagram: bytes) -> Uevent:
    """The event in one datagram. Raises Invalid."""
    head, *pairs = datagram.removesuffix(b"\0").split(b"\0")
    action, at, devpath = head.partition(b"@")
    if not at or not action.isalpha() or not devpath.startswith(b"/"):
        raise Invalid("no kernel uevent: its first line is not action@path")
    values: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition(b"=")
        if not key or not equals:
            raise Invalid(f"no kernel uevent: {pair[:40]!r} is not KEY=VALUE")
        values[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
    return Uevent(action.decode(), devpath.decode("utf-8", "surrogateescape"), values)


def encode(event: Uevent) -> bytes:
    """The datagram the kernel would send."""
    fields = [f"{event.action}@{event.devpath}", *(f"{k}={v}" for k, v in event.values.items())]
    return "".join(f"{field}\0" for field in fields).encode("utf-8", "surrogateescape")
