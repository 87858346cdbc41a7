"""One text for what several programs have, `kube-apiserver:3f kube-scheduler:a2`, out of which each finds its own. A
text of another form is everybody's."""

from collections.abc import Mapping


def join(digests: Mapping[str, str]) -> str:
    """The text, of digests by program."""
    return " ".join(f"{program}:{digest}" for program, digest in sorted(digests.items()))


def of(text: str, program: str) -> str:
    """The digest of one program: empty if the others have some and it has none."""
    parts = [part.partition(":") for part in text.split(" ")]
    if not all(colon for _, colon, _ in parts):
        return text
    return next((digest for name, _, digest in parts if name == program), "")
