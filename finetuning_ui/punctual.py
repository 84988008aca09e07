"""HTTP/1.1 that waits for the head of a request no longer than it should: `uvicorn --http finetuning_ui.punctual:Punctual`.

uvicorn lets a connection stand for ever on which nothing, or a letter a minute, arrives. Each takes an open file of the
process, of which there are often 1,024; the application never hears of it: a request begins with the end of its head.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 20.0
LATE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Punctual(H11Protocol):
    """Closes a connection on which a request has been awaited for `seconds`, whatever arrives of it meanwhile."""

    seconds = SECONDS
    _late: asyncio.TimerHandle | None = None
    _begun = False  # something of the request is here

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._late = self.loop.call_later(self.seconds, self._give_up)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if self.conn.their_state is not h11.IDLE:
            self._be_patient()
        elif self._begun and self._late is None:  # the next request on a kept connection
            self._late = self.loop.call_later(self.seconds, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._be_patient()
        super().connection_lost(exc)

    def _be_patient(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        """A browser opens connections that it may need later: to one that has said nothing, nothing is said."""
        self._late = None
        if self._begun and not self.transport.is_closing():
            self.transport.write(LATE)
        self.transport.close()
