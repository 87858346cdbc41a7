"""What can be wrong with YAML text, with its place. Lines and columns count from 1."""

import msgspec

from core.base.errors import Invalid
from core.base.text import printable


class Trouble(msgspec.Struct, frozen=True):
    """One thing wrong with the text."""

    line: int
    column: int
    text: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return printable(f"{self.line}:{self.column}: {self.message}" + (f"; {self.remedy}" if self.remedy else ""))


class YamlErrors(Invalid):
    """The text is not YAML this reader takes; every trouble that could be found at once."""

    def __init__(self, troubles: tuple[Trouble, ...]) -> None:
        super().__init__("\n".join(map(str, troubles)))
        self.troubles = troubles
