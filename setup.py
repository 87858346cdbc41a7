"""Builds the native units: every ext/*/*.pyx (its libraries named in its own header), the cffi tables, and the C
programs. Everything else is in pyproject.toml."""

import subprocess
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


class BuildPrograms(Command):
    """PID 1 (static, libsodium), the sealed interpreter's launcher (libpython), the image's check, the balancer: into
    _out/programs."""

    user_options: ClassVar[list[tuple[str, str | None, str]]] = []

    def initialize_options(self) -> None: ...

    def finalize_options(self) -> None: ...

    def run(self) -> None:
        out = Path("_out/programs")
        out.mkdir(parents=True, exist_ok=True)
        python = [f"-I{sysconfig.get_path('include')}", f"-lpython{sysconfig.get_config_var('LDVERSION')}"]
        pie = ["-fPIE", "-pie"]
        hashing = sorted(Path("ext/verity").glob("native_*.c"))
        programs = (
            ("init", ["-static", "-lsodium"]),
            ("launch", [*pie, *python]),
            ("imagecheck", [*pie, *hashing]),
            ("prism", pie),
        )
        for name, flags in programs:
            sources = sorted(Path(f"ext/{name}").glob("*.c"))
            if sources:  # the image compiles one unit at a time
                subprocess.run(["gcc", *WARNINGS, "-o", out / name, *sources, *flags], check=True)


setup(
    ext_modules=cythonize(
        [str(p) for p in sorted(Path("ext").glob("*/*.pyx"))], compiler_directives=DIRECTIVES, quiet=True
    ),
    cffi_modules=[f"{p}:ffi" for p in sorted(Path("ext").glob("*/build_*.py"))],
    cmdclass={"build_programs": BuildPrograms},
)
