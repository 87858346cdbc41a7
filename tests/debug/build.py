"""The native units with AddressSanitizer and UndefinedBehaviorSanitizer, in a package tree of their own: what was
compiled, and links to the Python files beside it. Never touches what `make build` made in place."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TREE: Final = ROOT / "build" / "debug"
REPORTS: Final = TREE / "reports"
_SANITIZERS: Final = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
_FLAGS: Final = (*_SANITIZERS, "-O1", "-g", "-fno-omit-frame-pointer")
_STRICT: Final = ("-Wall", "-Wextra", "-Werror", "-std=gnu11", "-shared", "-fPIC")


def build() -> None:
    """Compile what is older than its sources, and lay out the tree anew."""
    flags = {"CFLAGS": " ".join(_FLAGS), "LDFLAGS": " ".join(_SANITIZERS)}
    command = ["setup.py", "-q", "build_ext", f"--build-lib={TREE}", f"--build-temp={TREE / 'objects'}"]
    subprocess.run([sys.executable, *command], env={**os.environ, **flags}, cwd=ROOT, check=True)
    counter = (str(Path(__file__).with_name("live.c")), f"-I{sysconfig.get_path('include')}", "-o", f"{TREE}/live.so")
    subprocess.run(["gcc", *_STRICT, *_FLAGS, *counter], check=True)
    for link in [path for path in TREE.rglob("*.py") if path.is_symlink()]:
        link.unlink()
    for source in (ROOT / "ext").rglob("*.py"):
        link = TREE / source.relative_to(ROOT)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source)


def environment() -> dict[str, str]:
    """What a Python needs to take its units from the tree; `-P` is not enough, since pytest adds the root itself."""
    runtime = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True).stdout
    log = f"log_path={REPORTS / 'process'}"
    return {
        **os.environ,
        "LD_PRELOAD": runtime.strip(),
        "PYTHONPATH": str(TREE),
        "PYTHONSAFEPATH": "1",
        "PYTHONMALLOC": "malloc",  # so that ASan knows where an object ends, and LeakSanitizer which are held
        "ASAN_OPTIONS": f"{log}:leak_check_at_exit=0:allocator_may_return_null=1",
        "LSAN_OPTIONS": f"suppressions={Path(__file__).with_name('leaks.supp')}:print_suppressions=0",
        "UBSAN_OPTIONS": f"{log}:print_stacktrace=1",
    }
