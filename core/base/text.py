"""Text of strangers on its way to people."""


def printable(text: str) -> str:
    """One line fit for a log or a terminal: what is not printable in it is escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def valid(text: str) -> str:
    """The same as Unicode that can be encoded: what came in as bytes that were none is replaced."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
