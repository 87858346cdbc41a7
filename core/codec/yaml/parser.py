"""YAML bytes to trees of dict, list, str, `Plain` and None, or to what is wrong with them, in lines and columns."""

from typing import Final

import msgspec
import yaml

from core.codec.yaml.compose import Composer, Limits, Node
from core.codec.yaml.scalar import builtins
from core.codec.yaml.trouble import Trouble, YamlErrors

DEFAULT: Final = Limits()


class Stream(msgspec.Struct, frozen=True):
    """The documents of a text in order, and what was wrong but did not stop the reading."""

    documents: list[Node]
    troubles: tuple[Trouble, ...]


def parse(data: bytes, limits: Limits = DEFAULT) -> Stream:
    """Every document. Raises YamlErrors when the text cannot be read to its end."""
    if len(data) > limits.size:
        raise YamlErrors((Trouble(1, 1, "", f"{len(data)} bytes of YAML, at most {limits.size} are read"),))
    composer = Composer(data, limits)
    try:
        return Stream(composer.documents(), tuple(composer.troubles))
    except yaml.MarkedYAMLError as error:
        raise YamlErrors((*composer.troubles, _marked(error))) from None
    except yaml.reader.ReaderError as error:
        raise YamlErrors((*composer.troubles, _unreadable(data, error))) from None


def load(data: bytes, limits: Limits = DEFAULT) -> object:
    """The one document of a text as plain builtins, None if there is none. Raises YamlErrors."""
    stream = parse(data, limits)
    documents = [document for document in stream.documents if document is not None]
    troubles = stream.troubles
    if len(documents) > 1:
        troubles = (*troubles, Trouble(1, 1, "", f"{len(documents)} documents where one is expected"))
    if troubles:
        raise YamlErrors(troubles)
    return builtins(documents[0]) if documents else None


def _marked(error: yaml.MarkedYAMLError) -> Trouble:
    mark = error.problem_mark or error.context_mark
    message = ", ".join(part for part in (error.context, error.problem) if part)
    return Trouble(mark.line + 1, mark.column + 1, "", message) if mark else Trouble(1, 1, "", message)


def _unreadable(data: bytes, error: yaml.reader.ReaderError) -> Trouble:
    """libyaml gives the byte offset alone."""
    before = data[: max(0, error.position)]
    line = before.count(b"\n") + 1
    column = len(before) - (before.rfind(b"\n") + 1) + 1
    return Trouble(line, column, "", f"{error.reason}: byte or character {error.character!r}", "write it as UTF-8 text")
