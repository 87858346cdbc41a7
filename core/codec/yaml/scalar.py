"""What an unquoted scalar means. The parser keeps its text (`Plain`), because the reader's type decides: `1.10` is a
version for a text field and a number for a free-form one, and `yes` is true for a boolean field alone. A quoted scalar
is an ordinary str and never anything but text."""

import math
import re
from typing import Final


class Plain(str):
    """An unquoted scalar as written; never one that means null, which the parser turns into None."""

    __slots__ = ()


NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
TRUE: Final = frozenset(("true", "True", "TRUE"))
FALSE: Final = frozenset(("false", "False", "FALSE"))
YES: Final = TRUE | frozenset(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"))
NO: Final = FALSE | frozenset(("n", "N", "no", "No", "NO", "off", "Off", "OFF"))
_INT: Final = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[1-9][0-9_]*|0)", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL: Final = {
    ".nan": math.nan,
    **{sign + word: value for word in (".inf", ".Inf", ".INF") for sign, value in (("", math.inf), ("-", -math.inf))},
}
_BASES: Final = {"x": 16, "b": 2, "o": 8}


def resolve(text: str) -> bool | int | float | str | None:
    """The value of an unquoted scalar in free-form data: YAML 1.2's core types and the older octal 0644."""
    if text in NULLS:
        return None
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    if text[0] in "0123456789+-.":
        whole = integer(text)
        if whole is not None:
            return whole
        if _FLOAT.fullmatch(text):
            return float(text)
        return _SPECIAL.get(text, str(text))
    return str(text)


def integer(text: str) -> int | None:
    """The whole number an unquoted scalar spells (10, 1_000, 0x1f, 0o17, 017, 0b1), or None."""
    if not _INT.fullmatch(text):
        return None
    digits = text.replace("_", "").lstrip("+-")
    if len(digits) > 64:
        return None
    base = 10
    if digits[0] == "0" and len(digits) > 1:
        base = _BASES.get(digits[1].lower(), 8)
        digits = digits[2:] if digits[1].lower() in _BASES else digits[1:]
    if not digits:
        return None
    return -int(digits, base) if text[0] == "-" else int(digits, base)


def builtins(node: object) -> object:
    """A copy of a parsed tree with every unquoted scalar resolved: dict, list, str, int, float, bool, None alone."""
    if isinstance(node, dict):
        return {str(key): builtins(value) for key, value in node.items()}
    if isinstance(node, list):
        return [builtins(item) for item in node]
    return resolve(node) if isinstance(node, Plain) else node


def same(one: object, other: object) -> bool:
    """Whether two parsed trees mean the same; 1 and true differ, as they do in JSON."""
    return _shape(builtins(one)) == _shape(builtins(other))


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return (bool, value) if isinstance(value, bool) else value
