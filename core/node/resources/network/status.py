"""What of the network is ready."""

from core.node.resources.network.layers import NAMESPACE
from core.state import Column, Spec, resource


@resource(
    "NetworkStatuses.net.talos.dev",
    NAMESPACE,
    aliases=("netstatus", "netstatuses"),
    columns=(
        Column("Address", "{.addressReady}"),
        Column("Connectivity", "{.connectivityReady}"),
        Column("Hostname", "{.hostnameReady}"),
        Column("Etc", "{.etcFilesReady}"),
    ),
)
class NetworkStatus(Spec, frozen=True):
    """Id `status`."""

    address_ready: bool = False
    connectivity_ready: bool = False
    hostname_ready: bool = False
    etc_files_ready: bool = False
