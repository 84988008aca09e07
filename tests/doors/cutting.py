"""A proxy that loses answers: requests pass, and of some the connection is cut before anything comes back."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """In front of a port of this machine. `lose(b"POST /v1/files")` cuts the next connection that sends this."""

    def __init__(self, port: int) -> None:
        self._port, self._marked, self.lost = port, b"", 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, mark: bytes) -> None:
        self._marked, self.lost = mark, 0

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as server, suppress(OSError):
            up = threading.Thread(target=self._up, args=(client, server), daemon=True)
            up.start()
            while piece := server.recv(1 << 16):
                if self._is_lost(client):
                    return
                client.sendall(piece)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while piece := client.recv(1 << 16):
                if self._marked and self._marked in piece:
                    self._marked, self.lost, self._victim = b"", self.lost + 1, client
                server.sendall(piece)
            server.shutdown(socket.SHUT_WR)

    def _is_lost(self, client: socket.socket) -> bool:
        """Whether the server's answer, which is there now, is for a request that was marked."""
        if getattr(self, "_victim", None) is not client:
            return False
        self._victim = None
        client.shutdown(socket.SHUT_RDWR)
        return True


@contextmanager
def losing(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
