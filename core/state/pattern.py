"""Regular expressions from outside, in time proportional to pattern and text: a set of states walks along the text, and
nothing ever backtracks, so that no pattern can hold up the node (Python's `re` can be made to). The syntax is RE2's
without flags, word boundaries and Unicode classes; what is not known here is refused, never guessed."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from core.base.errors import Invalid

SIZE: Final = 128  # characters and instructions of a pattern; the first bounds the recursion too
_SETS: Final = {"d": r"\d", "D": r"\D", "w": r"\w", "W": r"\W", "s": r"\s", "S": r"\S"}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_COUNT: Final = re.compile(r"\{([0-9]{1,3})(,([0-9]{0,3}))?\}")

Char = Callable[[str], bool]
Instruction = Char | tuple[int, ...] | str  # a character, a jump to any of, an anchor
Code = list[Instruction]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled expression."""

    text: str
    _code: tuple[Instruction, ...]

    @staticmethod
    def compile(text: str) -> "Pattern":
        """Raises Invalid."""
        return Pattern(text, tuple(_Parser(text).whole()))

    def found_in(self, text: str) -> bool:
        """Whether any part of the text matches."""
        states: set[int] = set()
        for place in range(len(text) + 1):
            states = set(self._reach({*states, 0}, place == 0, place == len(text)))
            if len(self._code) in states:
                return True
            if place < len(text):
                states = {n + 1 for n in states if callable(step := self._code[n]) and step(text[place])}
        return False

    def _reach(self, states: set[int], at_start: bool, at_end: bool) -> Iterator[int]:
        """The states that can be had from these without reading a character; those that wait for one, and the end."""
        ahead, seen = list(states), set(states)
        while ahead:
            here = ahead.pop()
            step = self._code[here] if here < len(self._code) else callable
            following: tuple[int, ...] = ()
            if isinstance(step, tuple):
                following = tuple(here + jump for jump in step)
            elif isinstance(step, str):
                following = (here + 1,) if (at_start if step == "^" else at_end) else ()
            else:
                yield here
            ahead += [n for n in following if n not in seen]
            seen.update(following)


class _Parser:
    """Recursive descent from text to code; jumps are relative, so that pieces can be copied and joined."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def whole(self) -> Code:
        if len(self._text) > SIZE:
            raise self._wrong("too large")
        code = self._alternatives()
        if self._at < len(self._text):
            raise self._wrong("unexpected )")
        return code

    def _alternatives(self) -> Code:
        code = self._sequence()
        if self._skip("|"):
            other = self._alternatives()
            code = [(1, len(code) + 2), *code, (len(other) + 1,), *other]
        return self._bounded(code)

    def _sequence(self) -> Code:
        code: Code = []
        while self._peek() not in ("", "|", ")"):
            code = self._bounded(code + self._repeated())
        return code

    def _repeated(self) -> Code:
        code = self._atom()
        while self._peek() and self._peek() in "*+?{":
            code = self._bounded(self._repeat(code))
            self._skip("?")  # lazy or greedy: whether there is a match is the same
        return code

    def _repeat(self, code: Code) -> Code:
        sign, size = self._next(), len(code)
        if sign == "*":
            return [(1, size + 2), *code, (-size - 1,)]
        if sign == "+":
            return [*code, (-size, 1)]
        if sign == "?":
            return [(1, size + 1), *code]
        count = _COUNT.match(self._text, self._at - 1)
        if count is None:
            raise self._wrong("{ begins no count")
        self._at = count.end()
        least = int(count[1])
        most = least if count[2] is None else int(count[3]) if count[3] else None
        if most is None:
            return [*self._times(code, least), (1, size + 2), *code, (-size - 1,)]
        if most < least:
            raise self._wrong("a count that ends before it begins")
        return self._times(code, least) + self._times([(1, size + 1), *code], most - least)

    def _times(self, code: Code, count: int) -> Code:
        if len(code) * count > SIZE:
            raise self._wrong("too large")
        return code * count

    def _atom(self) -> Code:
        character = self._next()
        if character == "(":
            if self._skip("?") and not self._skip(":"):
                raise self._wrong("(? is not supported")
            code = self._alternatives()
            if not self._skip(")"):
                raise self._wrong("( without )")
            return code
        if character in "*+?{":
            raise self._wrong(f"{character} repeats nothing")
        if character in "^$":
            return [character]
        if character == ".":
            return [lambda c: c != "\n"]
        return [self._class() if character == "[" else self._one(character)]

    def _class(self) -> Char:
        negated, members = self._skip("^"), []
        first = True
        while first or self._peek() != "]":
            first = False
            members.append(self._member())
        self._next()
        return lambda c: any(member(c) for member in members) is not negated

    def _member(self) -> Char:
        if self._text.startswith("[:", self._at):
            raise self._wrong("[: is not supported")
        low = self._next()
        if low == "\\" and self._peek() in _SETS:
            return self._one(low)
        low = self._escaped() if low == "\\" else low
        if self._peek() != "-" or self._text[self._at + 1 : self._at + 2] in ("", "]"):
            return lambda c: c == low
        self._next()
        high = self._next()
        high = self._escaped() if high == "\\" else high
        if high < low:
            raise self._wrong(f"{low!r}-{high!r} is no range")
        return lambda c: low <= c <= high

    def _one(self, character: str) -> Char:
        if character == "\\":
            if self._peek() in _SETS:
                one = re.compile(_SETS[self._next()], re.ASCII)
                return lambda c: one.match(c) is not None
            character = self._escaped()
        return lambda c: c == character

    def _escaped(self) -> str:
        character = self._next()
        if character.isalnum() and character not in _CONTROLS:
            raise self._wrong(f"\\{character} is not supported")
        return _CONTROLS.get(character, character)

    def _bounded(self, code: Code) -> Code:
        if len(code) > SIZE:
            raise self._wrong("too large")
        return code

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        character = self._peek()
        if not character:
            raise self._wrong("it ends too early")
        self._at += 1
        return character

    def _skip(self, character: str) -> bool:
        found = self._peek() == character
        self._at += found
        return found

    def _wrong(self, why: str) -> Invalid:
        return Invalid(f"pattern {self._text[:80]!r} is not understood: {why}")
