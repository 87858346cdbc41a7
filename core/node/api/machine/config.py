"""ApplyConfiguration: validate, say what would change, put in force. A key this node does not act on yet is a warning
in the answer, never passed over."""

from typing import Final

import msgspec

from core.base.errors import Invalid, Unsupported
from core.base.offload import call
from core.base.units import format_duration
from core.config import change, modes
from core.config.load import Config
from core.config.problems import ConfigErrors
from core.node.api.access import check_call
from core.node.controllers.config import Mode
from core.node.machineconfig import parsed
from core.node.node import Node
from core.rpc.context import Context
from core.rpc.pb.machine import machine_pb2 as pb

_Mode = pb.ApplyConfigurationRequest
_MODES: Final = {_Mode.AUTO: Mode.NOW, _Mode.NO_REBOOT: Mode.NOW, _Mode.STAGED: Mode.STAGED, _Mode.TRY: Mode.TRY}
TRY_SECONDS: Final = 60.0
LONGEST_TRY: Final = 86400.0
_SAID: Final = {
    Mode.NOW: "Applied configuration without a reboot",
    Mode.STAGED: "Staged configuration to be applied after the next reboot",
}


async def apply_configuration(
    node: Node, ctx: Context, request: pb.ApplyConfigurationRequest
) -> pb.ApplyConfigurationResponse:
    """Modes auto and no-reboot take effect at once; everything this node acts on can change while it runs."""
    check_call(node.store, ctx)  # again: who began this call in maintenance may send its config after it
    mode = _MODES.get(request.mode)
    if mode is None:
        raise Unsupported("a running node is not rebooted to apply a config", remedy="use mode auto, staged or try")
    seconds = _seconds(request)
    config = node.config.check(request.data, mode)
    warnings = _warnings(node, config)
    before = parsed(node.config.active) if node.config.active else None
    difference = await call(change.difference if request.dry_run else change.consequences, before, config)
    as_json = ctx.metadata.get(change.KEY) == change.JSON
    if request.dry_run:
        said = _dry(difference, as_json=as_json)
    else:
        await node.config.apply(request.data, mode, seconds)
        said = _SAID.get(mode, f"Applied configuration for {format_duration(seconds)}, then it reverts")
        if mode is not Mode.STAGED and difference.next_boot:
            said += f"; some of {', '.join(difference.next_boot)} waits for the next boot"
    if not (request.dry_run and as_json):  # where they are a part of what was said
        warnings += [f"{path} is not acted on by this node yet" for path in difference.unused]
    applied = _Mode.NO_REBOOT if request.mode == _Mode.AUTO else request.mode
    message = pb.ApplyConfiguration(warnings=warnings, mode=applied, mode_details=said)
    return pb.ApplyConfigurationResponse(messages=[message])


def _seconds(request: pb.ApplyConfigurationRequest) -> float:
    asked = request.try_mode_timeout
    seconds = asked.seconds + asked.nanos / 1e9
    if not 0 <= seconds <= LONGEST_TRY:
        raise Invalid(f"a trial of {seconds:g} s is none", remedy="try for up to a day")
    return seconds or TRY_SECONDS


def _warnings(node: Node, config: Config) -> list[str]:
    """What the operator should know. Raises ConfigErrors for what cannot be on this kind of platform."""
    found = modes.check(config, modes.Mode(node.platform.mode))
    if errors := [problem for problem in found if not problem.warning]:
        raise ConfigErrors(errors)
    return [str(problem) for problem in (*config.warnings, *found)]


def _dry(difference: change.Difference, as_json: bool) -> str:
    if as_json:
        return msgspec.json.encode(difference).decode()
    return f"Dry run summary:\n{change.told(difference)}"
