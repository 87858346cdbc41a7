"""machined's own messages as one more log: its standard output is the console, which nobody can ask afterwards."""

import logging

from core.node.services.logs import Logs


class RingHandler(logging.Handler):
    """Appends each formatted record to the log of one id."""

    def __init__(self, logs: Logs, id_: str) -> None:
        super().__init__()
        self._logs, self._id = logs, id_

    def emit(self, record: logging.LogRecord) -> None:
        self._logs.append(self._id, f"{self.format(record)}\n".encode(errors="replace"))
