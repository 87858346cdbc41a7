"""Builds ext.sys._sys (cffi, API mode) from one table per C header in ext/sys/tables. The compiler checks every
declaration against the header, and every constant gets this machine's value."""

import importlib.util
from pathlib import Path
from types import ModuleType

from cffi import FFI


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_tables = [_load(path) for path in sorted(Path("ext/sys/tables").glob("[a-z]*.py"))]

ffi = FFI()
for _table in _tables:
    ffi.cdef(_table.TYPES)
ffi.set_source(
    "ext.sys._sys",
    "#include <errno.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n"
    + "\n".join(_table.SOURCE for _table in _tables),
    extra_compile_args=["-Wall", "-Wextra", "-Wno-unused-parameter"],
)
