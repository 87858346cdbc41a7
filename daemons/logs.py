"""How our processes print: one line a message, behind the seconds since the kernel started, as the kernel's own log has
them. So the messages of all processes, init's and the kernel's too, are one timeline."""

import logging
import sys
import time


class Formatter(logging.Formatter):
    """`[   12.345678] LEVEL name: message`."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record; the time is that of its printing."""
        return f"[{time.clock_gettime(time.CLOCK_BOOTTIME):12.6f}] {super().format(record)}"


def configure() -> None:
    """Print to standard output, from here on and in every process forked from here."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Formatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO)
