"""Policies and the scheduler's configuration -> files -> ConfigStatus. Each program's are in a folder of its own, which
it alone may read; what is there besides goes. The status says which contents each program has, so that a change of one
program's is none of the others'."""

from pathlib import Path
from typing import Any, Final

from core.base import swap
from core.cluster.kubernetes import controlplane, policies, stamps, versions
from core.cluster.kubernetes.pods import USERS
from core.codec.yaml import dump
from core.node.controllers.k8s.controlplane.policies import ADMISSION, AUDIT, AUTHENTICATION, AUTHORIZATION
from core.node.resources.k8s import ConfigStatus, SchedulerConfig
from core.state import Controller, Scope, exclusive, weak

ID: Final = "static-pods"
_SCHEDULER: Final = SchedulerConfig.at(controlplane.SCHEDULER)
Files = dict[str, dict[str, Any]]


class RenderConfigs(Controller):
    """Writes them below `folder`. On a machine that is no control plane there are none."""

    name = "k8s.RenderConfigsStaticPodController"
    inputs = (weak(ADMISSION), weak(AUDIT), weak(AUTHENTICATION), weak(AUTHORIZATION), weak(_SCHEDULER))
    outputs = (exclusive(ConfigStatus),)

    def __init__(self, folder: Path = Path(controlplane.CONFIGS)) -> None:
        self._folder = folder

    async def reconcile(self, scope: Scope) -> None:
        trees = _trees(scope)
        if trees is None:
            scope.sync(ConfigStatus.all(), {})
            return
        digests = {}
        for program, files in trees.items():
            contents = {name: dump(tree) for name, tree in files.items()}
            swap.swap(self._folder / program, contents, USERS[program])
            digests[program] = swap.digest(contents)
        scope.sync(ConfigStatus.all(), {ID: ConfigStatus(ready=True, version=stamps.join(digests))})


def _trees(scope: Scope) -> Files | None:
    """What each program reads, by file; None until all is known."""
    admission, audit, authorization = scope.find(ADMISSION), scope.find(AUDIT), scope.find(AUTHORIZATION)
    scheduler = scope.find(_SCHEDULER)
    if admission is None or audit is None or authorization is None or scheduler is None:
        return None
    release = versions.of(authorization.spec.image)
    plugins = [(plugin.name, plugin.configuration) for plugin in admission.spec.config]
    api: dict[str, Any] = {
        controlplane.ADMISSION: policies.admission(plugins, release),
        controlplane.AUDIT_POLICY: audit.spec.config,
    }
    authorizers = [(each.type, each.name, each.webhook) for each in authorization.spec.config]
    who_may = policies.authorization(authorizers, release)
    if versions.facts(release).authorization:
        api[controlplane.AUTHORIZATION] = who_may
    authentication = scope.find(AUTHENTICATION)
    if authentication is not None:
        api[controlplane.AUTHENTICATION] = authentication.spec.config
    scheduling = policies.scheduling(scheduler.spec.config, versions.of(scheduler.spec.image))
    return {controlplane.APISERVER: api, controlplane.SCHEDULER: {controlplane.SCHEDULING: scheduling}}
