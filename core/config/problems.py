"""What is wrong with a config and where. A `Finding` names a path; a `Problem` is a finding placed in the text, with
file, line, column and the offending words; `ConfigErrors` carries all of them at once."""

from collections.abc import Iterable

import msgspec

from core.base.errors import Invalid
from core.base.text import printable
from core.codec.yaml import Mark, Path, YamlErrors, locate


class Finding(msgspec.Struct, frozen=True):
    """Something wrong at a path (document, keys, indexes). `at_key`: the key itself, not its value."""

    path: Path
    message: str
    remedy: str = ""
    nearest: str = ""
    at_key: bool = False
    secret: bool = False
    warning: bool = False


class Problem(msgspec.Struct, frozen=True):
    """A finding with its place in the text. `path` is dotted; `text` is empty for secrets and for whole sections."""

    file: str
    line: int
    column: int
    path: str
    text: str
    message: str
    nearest: str = ""
    remedy: str = ""
    warning: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        subject = f"{self.path}: " if self.path else ""
        found = f" (found {self.text!r})" if self._worth_saying() else ""
        return printable(where + subject + self.message + found + (f"; {self.remedy}" if self.remedy else ""))

    def _worth_saying(self) -> bool:
        """Whether path and message leave the text out."""
        last = self.path.removesuffix("]").rpartition("[" if self.path.endswith("]") else ".")[2]
        quoted = f" {self.text} " in f" {self.message} " or repr(self.text) in self.message
        return bool(self.text) and self.text != last and not quoted


class ConfigErrors(Invalid):
    """The config is refused; every problem, in the order of the text."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column, problem.path)))
        super().__init__("\n".join(map(str, self.problems)))


def dotted(path: Path) -> str:
    """`machine.network.interfaces[0].mtu`; the document's index is left out, keys with dots are in brackets."""
    text = ""
    for part in path[1:]:
        if isinstance(part, int) or "." in part:
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def place(findings: Iterable[Finding], data: bytes, file: str) -> list[Problem]:
    """Find each finding in the text, at its nearest container where the path itself is not written down."""
    findings = list(findings)
    marks = locate(data, {finding.path for finding in findings})
    return [_placed(finding, marks, file) for finding in findings]


def from_yaml(errors: YamlErrors, file: str) -> list[Problem]:
    """Troubles of the text itself."""
    return [
        Problem(file, trouble.line, trouble.column, "", trouble.text, trouble.message, remedy=trouble.remedy)
        for trouble in errors.troubles
    ]


def _placed(finding: Finding, marks: dict[Path, Mark], file: str) -> Problem:
    path = finding.path
    mark = marks.get(path)
    while mark is None and path:
        path = path[:-1]
        mark = marks.get(path)
    line, column, text = 1, 1, ""
    if mark is not None:
        whole = path == finding.path
        line, column = mark.value if whole and not finding.at_key else mark.key
        text = mark.text if whole and not finding.secret else ""
    if finding.at_key:
        text = str(finding.path[-1])
    return Problem(
        file,
        line,
        column,
        dotted(finding.path),
        text,
        finding.message,
        finding.nearest,
        finding.remedy,
        finding.warning,
    )
