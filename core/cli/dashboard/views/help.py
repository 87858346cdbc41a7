"""The page of keys, over whatever is seen."""

from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

_TEXT: Final = """\
 1 ... 7      a page by its number; Tab, Shift+Tab: the next, the one before
 ← →, n       the node before, the next one
 ↑ ↓, j k     move; PgUp PgDn, Home End: further, also in logs and events
 Enter        on a service: its log; on a log: follow it
 / and Esc    filter processes by words; all of them again
 s            processes by cpu or by memory
 p            pause: ask the nodes nothing and keep what is seen
 q, Ctrl+C    leave

 Only what is seen is asked for. A question is not asked again before it is
 answered: on a slow link numbers come later, and a node that has said nothing
 for three beats is called late. One that is gone is called unreachable, and
 keeps the last numbers it gave.

 Rates are of the time between two answers; – is what cannot be known."""


class Help(ModalScreen[None]):
    """Any key leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "dismiss", show=False)]

    def compose(self) -> ComposeResult:
        text = Static(Text(_TEXT), id="help")
        text.border_title = "Keys"
        yield text

    def action_dismiss(self, result: None = None) -> None:  # type: ignore[override] # nothing to wait for
        self.dismiss(result)
