"""A place in a log, as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.base.place import Place


@given(st.text(), st.integers(min_value=0))
def test_what_is_written_is_read(boot: str, sequence: int) -> None:
    assert Place.parse(str(Place(boot, sequence))) == Place(boot, sequence)


@pytest.mark.parametrize("text", ["", "boot", "boot/", "boot/-1", "boot/1x", "boot/²"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="no place in a log"):
        Place.parse(text)
