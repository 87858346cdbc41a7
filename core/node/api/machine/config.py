"""ApplyConfiguration: validate, say what would change, put in force. A key this node does not act on yet is a warning
in the answer, never passed over."""

import difflib
from typing import Any, Final

from core.base.errors import Unsupported
from core.base.units import format_duration
from core.config import Config
from core.config.load import load
from core.config.support import unsupported
from core.node.controllers.config import Mode
from core.node.node import Node
from core.rpc.pb.machine import machine_pb2 as pb

_Mode = pb.ApplyConfigurationRequest
_MODES: Final = {_Mode.AUTO: Mode.NOW, _Mode.NO_REBOOT: Mode.NOW, _Mode.STAGED: Mode.STAGED, _Mode.TRY: Mode.TRY}
TRY_SECONDS: Final = 60.0
_SAID: Final = {
    Mode.NOW: "Applied configuration without a reboot",
    Mode.STAGED: "Staged configuration to be applied after the next reboot",
}


async def apply_configuration(
    node: Node, ctx: Any, request: pb.ApplyConfigurationRequest
) -> pb.ApplyConfigurationResponse:
    """Modes auto and no-reboot take effect at once; everything this node acts on can change while it runs."""
    mode = _MODES.get(request.mode)
    if mode is None:
        raise Unsupported("a running node is not rebooted to apply a config", remedy="use mode auto, staged or try")
    if request.dry_run:
        config = load(request.data)
        return _answer(config, request, f"Dry run summary:\n{_difference(node.config.active, request.data)}")
    seconds = request.try_mode_timeout.ToTimedelta().total_seconds() or TRY_SECONDS
    config = await node.config.apply(request.data, mode, seconds)
    said = _SAID.get(mode, f"Applied configuration for {format_duration(seconds)}, then it reverts")
    return _answer(config, request, said)


def _answer(config: Config, request: pb.ApplyConfigurationRequest, details: str) -> pb.ApplyConfigurationResponse:
    warnings = [str(problem) for problem in config.warnings]
    warnings += [f"{path} is not acted on by this node yet" for path in unsupported(config)]
    applied = _Mode.NO_REBOOT if request.mode == _Mode.AUTO else request.mode
    message = pb.ApplyConfiguration(warnings=warnings, mode=applied, mode_details=details)
    return pb.ApplyConfigurationResponse(messages=[message])


def _difference(before: bytes, after: bytes) -> str:
    lines = difflib.unified_diff(
        before.decode().splitlines(keepends=True), after.decode().splitlines(keepends=True), "in force", "new"
    )
    return "".join(lines) or "No changes."
