"""Builds the native units: every ext/*/*.pyx (its libraries named in its own header), the cffi tables, the two C
programs, and the Python modules generated from the .proto files. Everything else is in pyproject.toml."""

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import ClassVar

from Cython.Build import cythonize
from setuptools import Command, setup

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-std=gnu11", "-O2", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2"]
DIRECTIVES = {
    "language_level": 3,
    "binding": True,
    "autotestdict": False,
    "auto_pickle": False,
}


class _Step(Command):
    user_options: ClassVar[list[tuple[str, str | None, str]]] = []

    def initialize_options(self) -> None: ...

    def finalize_options(self) -> None: ...


class BuildPrograms(_Step):
    """PID 1 (static, libsodium) and the sealed interpreter's launcher (libpython) into _out/programs."""

    def run(self) -> None:
        out = Path("_out/programs")
        out.mkdir(parents=True, exist_ok=True)
        python = [f"-I{sysconfig.get_path('include')}", f"-lpython{sysconfig.get_config_var('LDVERSION')}"]
        for name, flags in (("init", ["-static", "-lsodium"]), ("launch", ["-fPIE", "-pie", *python])):
            sources = sorted(Path(f"ext/{name}").glob("*.c"))
            if sources:
                subprocess.run(["gcc", *WARNINGS, "-o", out / name, *sources, *flags], check=True)


class BuildProtos(_Step):
    """core/rpc/pb/**/*.proto -> the *_pb2.py and .pyi beside each."""

    def run(self) -> None:
        protos = [str(p) for p in sorted(Path("core/rpc/pb").rglob("*.proto"))]
        stale = [p for p in protos if _newer(Path(p), Path(p[:-6] + "_pb2.py"))]
        if stale:
            outputs = ["--python_out=.", "--pyi_out=."]
            subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I.", *outputs, *stale], check=True)


def _newer(source: Path, output: Path) -> bool:
    return not output.exists() or output.stat().st_mtime < source.stat().st_mtime


setup(
    ext_modules=cythonize(
        [str(p) for p in sorted(Path("ext").glob("*/*.pyx"))], compiler_directives=DIRECTIVES, quiet=True
    ),
    cffi_modules=[f"{p}:ffi" for p in sorted(Path("ext").glob("*/build_*.py"))],
    cmdclass={"build_programs": BuildPrograms, "build_protos": BuildProtos},
)
