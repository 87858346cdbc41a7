"""MachineConfig -> what kube-apiserver decides by: admission, audit, who is known, who may."""

from typing import Final

from core.cluster.kubernetes import policies, versions
from core.config.load import Config
from core.node.controllers.k8s.controlplane.source import api_server_image, authorizers, of_control_plane
from core.node.resources.k8s import (
    AdmissionControlConfig,
    AdmissionPlugin,
    AuditPolicyConfig,
    AuthenticationConfig,
    AuthorizationConfig,
    Authorizer,
)
from core.state import Controller, Scope

ADMISSION: Final = AdmissionControlConfig.at("admission-control")
AUDIT: Final = AuditPolicyConfig.at("audit-policy")
AUTHENTICATION: Final = AuthenticationConfig.at("authentication-config")
AUTHORIZATION: Final = AuthorizationConfig.at("authorization")


def controllers() -> tuple[Controller, ...]:
    """One for each."""
    of = of_control_plane
    return (
        of("k8s.ControlPlaneAdmissionControlController", AdmissionControlConfig, ADMISSION.id, _admission),
        of("k8s.ControlPlaneAuditPolicyController", AuditPolicyConfig, AUDIT.id, _audit),
        of("k8s.ControlPlaneAuthenticationController", AuthenticationConfig, AUTHENTICATION.id, _authentication),
        of("k8s.ControlPlaneAuthorizationController", AuthorizationConfig, AUTHORIZATION.id, _authorization),
    )


def _admission(config: Config, _: Scope) -> AdmissionControlConfig:
    plugins = config.v1alpha1.cluster.api_server.admission_control
    made = [AdmissionPlugin(name=plugin.name, configuration=plugin.configuration or {}) for plugin in plugins]
    return AdmissionControlConfig(config=tuple(made))


def _audit(config: Config, _: Scope) -> AuditPolicyConfig:
    return AuditPolicyConfig(config=config.v1alpha1.cluster.api_server.audit_policy or policies.AUDIT)


def _authentication(config: Config, _: Scope) -> AuthenticationConfig | None:
    release = versions.of(api_server_image(config.v1alpha1.cluster))
    if not versions.facts(release).authentication:
        return None
    return AuthenticationConfig(config=policies.authentication(release))


def _authorization(config: Config, _: Scope) -> AuthorizationConfig:
    cluster = config.v1alpha1.cluster
    listed = tuple(Authorizer(type=kind, name=name, webhook=hook) for kind, name, hook in authorizers(cluster))
    return AuthorizationConfig(image=api_server_image(cluster), config=listed)
