"""gRPC's framing as its specification says it, in the plainest way; and the h2 package's session as the other end."""

from collections import defaultdict

import h2.config
import h2.connection
import h2.events
import h2.settings

from ext.http2.framing import EXHAUSTED, INTERNAL, UNIMPLEMENTED


def framed(*messages: bytes) -> bytes:
    """Messages, each behind its prefix."""
    return b"".join(b"\0" + len(message).to_bytes(4, "big") + message for message in messages)


def split(stream: bytes, limit: int) -> tuple[list[bytes], int]:
    """The messages of a whole stream, and the status of what is wrong with it or 0."""
    found: list[bytes] = []
    while stream:
        if len(stream) < 5:
            return found, INTERNAL
        size = int.from_bytes(stream[1:5], "big")
        if stream[0]:
            return found, UNIMPLEMENTED
        if size > limit:
            return found, EXHAUSTED
        if len(stream) < 5 + size:
            return found, INTERNAL
        found.append(stream[5 : 5 + size])
        stream = stream[5 + size :]
    return found, 0


class Peer:
    """One end of a connection by h2: keeps what came on each stream, and sends within the windows."""

    def __init__(self, *, client: bool) -> None:
        config = h2.config.H2Configuration(client_side=client, header_encoding=None)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.headers: dict[int, list[tuple[bytes, bytes]]] = {}
        self.trailers: dict[int, list[tuple[bytes, bytes]]] = {}
        self.data: defaultdict[int, bytes] = defaultdict(bytes)
        self.ended: set[int] = set()
        self.reset: dict[int, int] = {}
        self._waiting: dict[int, tuple[bytes, list[tuple[bytes, bytes]] | None]] = {}

    def receive(self, wire: bytes) -> None:
        """Take in bytes, give back the windows' room."""
        for event in self.h2.receive_data(wire):
            match event:
                case h2.events.RequestReceived() | h2.events.ResponseReceived():
                    self.headers[event.stream_id] = [(bytes(name), bytes(value)) for name, value in event.headers]
                case h2.events.TrailersReceived():
                    self.trailers[event.stream_id] = [(bytes(name), bytes(value)) for name, value in event.headers]
                case h2.events.DataReceived():
                    self.data[event.stream_id] += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    self.ended.add(event.stream_id)
                case h2.events.StreamReset():
                    self.reset[event.stream_id] = int(event.error_code)

    def request(self, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
        """Open a stream, and say all there is to say on it."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers)
        self._waiting[stream] = (body, None)
        return stream

    def answer(
        self, stream: int, headers: list[tuple[bytes, bytes]], body: bytes, trailers: list[tuple[bytes, bytes]]
    ) -> None:
        """A whole response."""
        self.h2.send_headers(stream, headers)
        self._waiting[stream] = (body, trailers)

    def send(self) -> bytes:
        """Bytes for the other end: as much as it takes now."""
        for stream, (body, trailers) in list(self._waiting.items()):
            while (
                body and (room := min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)) > 0
            ):
                self.h2.send_data(stream, body[:room])
                body = body[room:]
            self._waiting[stream] = (body, trailers)
            if not body:
                del self._waiting[stream]
                if trailers is None:
                    self.h2.end_stream(stream)
                else:
                    self.h2.send_headers(stream, trailers, end_stream=True)
        return self.h2.data_to_send()
