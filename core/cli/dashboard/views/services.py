"""The services of a node; Enter goes to the log of one."""

from typing import ClassVar

from textual.app import ComposeResult

from core.cli.dashboard.views.page import Page, Sight
from core.cli.dashboard.views.rows import Column, Row, Rows
from core.cli.dashboard.views.words import moment


class Services(Page):
    """The page."""

    KEYS: ClassVar[str] = "⏎ log"

    def compose(self) -> ComposeResult:
        yield Rows(
            Column("SERVICE", 14),
            Column("STATE", 11),
            Column("HEALTH", 9),
            Column("SINCE", 11),
            Column("LAST EVENT"),
            ident="service-rows",
        )

    def show(self, sight: Sight) -> None:
        self.query_one(Rows).show(service_rows(sight), sight.why("ServiceList"))

    def enter(self) -> None:
        self.screen.set_focus(self.query_one(Rows))


def service_rows(sight: Sight) -> list[Row]:
    """A row for each; those in trouble are marked by a word and by colour."""
    return [
        Row(
            service.id,
            (service.id, service.state, _health(service.health), moment(service.since, sight.now), service.message),
            "bold red" if service.troubled else "",
        )
        for service in sight.node.services.found
    ]


def _health(health: str) -> str:
    return {"healthy": "✔ healthy", "unhealthy": "✗ UNWELL"}.get(health, "–")
