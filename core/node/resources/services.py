"""Services of the node as others wait for them."""

from core.state import Column, Spec, resource


@resource(
    "Services.v1alpha1.talos.dev",
    "runtime",
    aliases=("svc",),
    columns=(
        Column("Running", "{.running}"),
        Column("Healthy", "{.healthy}"),
        Column("Health Unknown", "{.unknown}"),
    ),
)
class Service(Spec, frozen=True):
    """A service (id: its name) is there. `unknown`: nobody has asked for its health yet, or nobody will."""

    running: bool = False
    healthy: bool = False
    unknown: bool = True

    @property
    def ready(self) -> bool:
        """Running, and healthy where that is known."""
        return self.running and (self.healthy or self.unknown)
