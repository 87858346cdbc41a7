"""errno -> OSError, the one place: every call of ext.sys that can fail goes through `check`."""

import os
from typing import Any

from ext.sys._sys import ffi


def check(result: Any, operation: str, path: str | None = None) -> int:
    """`result`, unless it is negative: then the OSError of errno, naming operation and path, if there is one."""
    value = int(result)
    if value < 0:
        error = int(ffi.errno)
        raise OSError(error, f"{operation}: {os.strerror(error)}", path)
    return value


def text(value: str | bytes | None) -> Any:
    """A C string or NULL. Refuses what C would cut short."""
    if value is None:
        return ffi.NULL
    raw = os.fsencode(value)
    if b"\0" in raw:
        raise ValueError("embedded null byte")
    return raw
