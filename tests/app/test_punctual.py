"""Connections that never come to the point are closed; whoever does is served beside them."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from finetuning_ui.punctual import Punctual

MANY = 200


class Quick(Punctual):
    seconds = 1.0


async def app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Quick, lifespan="off", log_level="error", timeout_keep_alive=30))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


def opened(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def answered(connection: socket.socket) -> bool:
    told = b""
    while not told.endswith(b"ok") and (piece := connection.recv(1_000)):
        told += piece
    return told.startswith(b"HTTP/1.1 200 ")


def test_two_hundred_heads_that_never_end_are_closed_and_hold_nobody_up(port: int) -> None:
    slow = [opened(port) for _ in range(MANY)]
    for each in slow:
        each.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-")
    assert httpx.get(f"http://127.0.0.1:{port}/").text == "ok", "beside them"
    for each in slow:
        each.sendall(b"a")  # a letter more does not buy time
    for each in slow:
        assert each.recv(100).startswith(b"HTTP/1.1 408 ")
        assert each.recv(100) == b""
        each.close()


def test_one_that_says_nothing_is_closed_without_a_word(port: int) -> None:
    with opened(port) as silent:
        assert silent.recv(100) == b""


def test_a_kept_connection_is_watched_from_the_next_requests_first_letter(port: int) -> None:
    with opened(port) as kept:
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answered(kept)
        time.sleep(1.2)  # keep-alive is the server's own matter
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answered(kept)
        kept.sendall(b"GET / HT")
        assert kept.recv(100).startswith(b"HTTP/1.1 408 ")


def test_a_body_may_take_its_time_here(port: int) -> None:
    """How slow bodies may be is said elsewhere, by address."""
    with opened(port) as sender:
        sender.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
        time.sleep(1.2)
        sender.sendall(b"bc")
        assert answered(sender)
