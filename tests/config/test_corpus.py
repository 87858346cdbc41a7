"""Configs good and bad. Each file's first lines say what is expected of it: `# accepted` or `# refused`, then every
problem (or warning) exactly as it is printed, with line and column."""

from pathlib import Path

import pytest

from core.config.load import load
from core.config.problems import ConfigErrors

FILES = sorted((Path(__file__).parent / "corpus").glob("*.yaml"))


def _expected(text: str) -> tuple[str, list[str]]:
    head, *lines = [line[2:] for line in text.splitlines() if line.startswith("# ")]
    return head, [line for line in lines if line[:1].isdigit()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_gets_what_it_says(path: Path) -> None:
    data = path.read_bytes()
    verdict, problems = _expected(data.decode())
    if verdict == "accepted":
        assert [str(problem) for problem in load(data, "f").warnings] == [f"f:{line}" for line in problems]
    else:
        assert verdict == "refused"
        with pytest.raises(ConfigErrors) as caught:
            load(data, "f")
        assert [str(problem) for problem in caught.value.problems] == [f"f:{line}" for line in problems]
        assert problems


def test_there_are_enough_of_both() -> None:
    verdicts = [_expected(path.read_text())[0] for path in FILES]
    assert len(FILES) >= 100
    assert verdicts.count("accepted") >= 40
    assert verdicts.count("refused") >= 60
