"""What does not change while the node runs: version, boot id, command line, platform, how the boot was protected."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from core.linux import capabilities, power
from core.node.build import Build
from core.node.resources.runtime import BootID, KernelCmdline, PlatformMetadata, SecurityState, Version
from core.state import Controller, Scope, Spec, observe

S = TypeVar("S", bound=Spec)
_SIG_ENFORCE = "sys/module/module/parameters/sig_enforce"


def facts(build: Build, root: Path = Path("/")) -> list[Controller]:
    """One controller for each type, as every type has one writer."""
    cmdline = (root / "proc/cmdline").read_text().strip()
    enforced = root / _SIG_ENFORCE
    return [
        _once("runtime.VersionController", "version", Version(name="Ichor", version=build.tag)),
        _once("runtime.BootIDController", "boot-id", BootID(boot_id=power.boot_id(root))),
        _once("runtime.KernelCmdlineController", "cmdline", KernelCmdline(cmdline=cmdline)),
        _once(
            "runtime.PlatformMetadataController",
            "platformmetadata",
            PlatformMetadata(platform=capabilities.platform(cmdline)),
        ),
        _once(
            "runtime.SecurityStateController",
            "securitystate",
            SecurityState(module_signature_enforced=enforced.exists() and enforced.read_text().strip() == "Y"),
        ),
    ]


def _once(name: str, id_: str, spec: S) -> Controller:
    async def look(_: Scope) -> Mapping[str, S]:
        return {id_: spec}

    return observe(name, type(spec), look)
