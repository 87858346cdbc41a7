"""Which document a YAML mapping is: the v1alpha1 config, one of the newer kinds (known by name and not acted on yet),
one of our own, which have a version of their own too, or nothing we know. Owns the list of kinds; reads nothing inside
a document but its identity."""

from difflib import get_close_matches
from typing import Final

import msgspec

from core.codec.yaml import Node
from core.config.problems import Finding
from core.config.schema.words import words

_KINDS: Final = {
    "block": """
        ExistingVolumeConfig ExternalVolumeConfig FilesystemScrubConfig FilesystemTrimConfig RawVolumeConfig
        SwapVolumeConfig UserVolumeConfig VolumeConfig ZswapConfig
    """,
    "cluster": """
        DiscoveryIdentityConfig DiscoveryServiceConfig
    """,
    "container": """
        ContainerConfig
    """,
    "cri": """
        CRIBaseRuntimeSpecConfig CRICustomizationConfig ImageCacheConfig RegistryAuthConfig
        RegistryMirrorConfig RegistryTLSConfig
    """,
    "extensions": """
        ExtensionServiceConfig
    """,
    "hardware": """
        PCIDriverRebindConfig
    """,
    "k8s": """
        KubeAPIServerCAConfig KubeAPIServerConfig KubeAdmissionControlConfig KubeAggregatorCAConfig
        KubeAuditPolicyConfig KubeAuthenticationConfig KubeAuthorizerConfig KubeClusterConfig
        KubeControllerManagerConfig KubeCoreDNSConfig KubeCredentialProviderConfig KubeEtcdEncryptionConfig
        KubeExternalManifestConfig KubeFlannelCNIConfig KubeInlineManifestConfig KubeNetworkConfig
        KubeNodeConfig KubePrismConfig KubeProxyConfig KubeSchedulerConfig KubeServiceAccountConfig
        KubeStaticPodConfig KubeTalosAPIAccessConfig KubeletConfig
    """,
    "network": """
        BGPInstanceConfig BlackholeRouteConfig BondConfig BridgeConfig DHCPv4Config DHCPv6Config
        DummyLinkConfig EthernetConfig HCloudVIPConfig HTTPProbeConfig HostnameConfig KubeSpanConfig
        KubeSpanEndpointsConfig Layer2VIPConfig LinkAliasConfig LinkConfig NetworkDefaultActionConfig
        NetworkRuleConfig ResolverConfig RoutingRuleConfig StaticHostConfig TCPProbeConfig TimeSyncConfig
        VLANConfig VRFConfig VethConfig WireguardConfig
    """,
    "runtime": """
        EnvironmentConfig EtcFileConfig EventSinkConfig KernelModuleConfig KmsgLogConfig OOMConfig
        SecurityProfileConfig SysctlConfig SysfsConfig UdevRulesConfig UnattendedInstallConfig
        WatchdogTimerConfig
    """,
    "security": """
        ImageVerificationConfig TrustedRootsConfig
    """,
    "siderolink": """
        SideroLinkConfig
    """,
    "storage": """
        LVMLogicalVolumeConfig LVMVolumeGroupConfig RAIDArrayConfig
    """,
}

NEWER: Final = frozenset(kind for kinds in _KINDS.values() for kind in kinds.split())
NAMED: Final = words(
    """
    ExistingVolumeConfig ExternalVolumeConfig RawVolumeConfig SwapVolumeConfig UserVolumeConfig VolumeConfig
    DiscoveryServiceConfig ContainerConfig CRICustomizationConfig RegistryAuthConfig RegistryMirrorConfig
    RegistryTLSConfig ExtensionServiceConfig PCIDriverRebindConfig KubeAdmissionControlConfig
    KubeAuthorizerConfig KubeExternalManifestConfig KubeInlineManifestConfig KubeStaticPodConfig
    BGPInstanceConfig BlackholeRouteConfig BondConfig BridgeConfig DHCPv4Config DHCPv6Config DummyLinkConfig
    EthernetConfig HCloudVIPConfig HTTPProbeConfig Layer2VIPConfig LinkAliasConfig LinkConfig NetworkRuleConfig
    RoutingRuleConfig StaticHostConfig TCPProbeConfig VLANConfig VRFConfig VethConfig WireguardConfig
    EtcFileConfig KernelModuleConfig KmsgLogConfig TrustedRootsConfig LVMLogicalVolumeConfig
    LVMVolumeGroupConfig RAIDArrayConfig
    """
)
"""Kinds of which a config may hold several, told apart by `name`."""

OWN: Final = frozenset({"ControlPlanesConfig", "MetricsConfig"})
"""Kinds that are ours and not the format's."""

V1ALPHA1: Final = "v1alpha1"
OWN_V1ALPHA1: Final = "ichor.dev/v1alpha1"
_TELLING: Final = ("machine", "cluster", "debug", "persist")


class Document(msgspec.Struct, frozen=True):
    """A document of a config: `kind` is empty for v1alpha1; `tree` is what was written."""

    index: int
    kind: str
    name: str
    tree: dict[str, Node]

    def __repr__(self) -> str:
        return f"Document({self.kind or V1ALPHA1}, {self.name!r}, {', '.join(self.tree)})"

    @property
    def identity(self) -> tuple[str, str]:
        """Two documents of a config never share it."""
        return self.kind, self.name


def identify(index: int, node: Node) -> Document | Finding:
    """The document, or why it is none. `index` counts from the start of the stream."""
    here = (index,)
    if not isinstance(node, dict):
        return Finding(here, "a document must be a mapping", "separate documents by a line with ---")
    kind, version = node.get("kind"), node.get("apiVersion")
    if kind is None:
        if any(key in node for key in _TELLING):
            return Document(index, "", "", node)
        return Finding(
            here, "neither a machine config nor a document with apiVersion and kind", "start with `machine:`"
        )
    if not isinstance(kind, str) or kind not in NEWER | OWN:
        near = get_close_matches(kind, NEWER | OWN, 1) if isinstance(kind, str) else []
        remedy = f"did you mean {near[0]}?" if near else ""
        return Finding((index, "kind"), f"unknown kind {kind}", remedy, near[0] if near else "")
    only = OWN_V1ALPHA1 if kind in OWN else V1ALPHA1
    if version != only:
        return Finding((index, "apiVersion"), f"{kind} has apiVersion {only} alone", f"write apiVersion: {only}")
    name = node.get("name")
    if kind in NAMED and (not isinstance(name, str) or not name):
        return Finding((index, "name"), f"{kind} needs a name")
    return Document(index, str(kind), str(name) if kind in NAMED else "", node)


def repeated(documents: list[Document]) -> list[Finding]:
    """Documents whose identity another one had before them."""
    seen: set[tuple[str, str]] = set()
    found = []
    for document in documents:
        if document.identity in seen:
            what = " ".join(filter(None, document.identity)) or "machine config"
            found.append(Finding((document.index,), f"a second {what} document", "join the two"))
        seen.add(document.identity)
    return found
