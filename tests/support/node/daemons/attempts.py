"""Everything a sealed interpreter must refuse, one way in each. Imported before the seal, tried after it."""

import ctypes
import importlib
import marshal
import os
import pickle
import pty
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any

HARMLESS = compile("1", "here", "eval")
DUMPED = marshal.dumps(HARMLESS)
# a pickle that looks os.getpid up by name
NAMED = b"cos\ngetpid\n."


def attempt() -> None:
    """A function to make another of."""


ATTEMPTS: dict[str, Callable[[], Any]] = {
    "import": lambda: __import__("this"),
    "marshal.loads by importlib": lambda: importlib.import_module("this"),
    "compile": lambda: compile("1", "there", "eval"),
    "exec": lambda: eval(HARMLESS),
    "code.__new__": lambda: attempt.__code__.replace(co_name="other"),
    "function.__new__": lambda: types.FunctionType(HARMLESS, {}),
    "marshal.loads": lambda: marshal.loads(DUMPED),
    "pickle.find_class": lambda: pickle.loads(NAMED),
    "builtins.breakpoint": lambda: breakpoint(),  # noqa: T100
    "os.exec": lambda: os.execv("/bin/true", ["true"]),
    "os.posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "os.system": lambda: os.system("true"),
    "pty.spawn": lambda: pty.spawn(["/bin/true"]),
    "subprocess.Popen": lambda: subprocess.Popen(["/bin/true"]),
    "sys.settrace": lambda: sys.settrace(None),
    "sys.setprofile": lambda: sys.setprofile(None),
    "ctypes.dlopen": lambda: ctypes.CDLL(None),
    "cpython.run_interactivehook": lambda: sys.audit("cpython.run_interactivehook"),
}
ATTEMPTS["allowed: import of what is loaded"] = lambda: importlib.import_module("os")
ATTEMPTS["allowed: open"] = lambda: open(os.devnull).close()
