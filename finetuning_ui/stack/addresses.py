"""Where the embedded services of one DATA_DIR listen, and the password they ask for; chosen once, kept in `stack.json`.

Two stacks on one machine therefore never meet. It does not know whether anything is running.
"""

import os
import secrets
import socket
from pathlib import Path

from pydantic import BaseModel, ConfigDict

HOST = "127.0.0.1"
# Below Linux' range for outgoing connections (32768 and up): no client socket can be sitting on a port of ours.
PORTS = range(20_000, 32_000)


class Addresses(BaseModel):
    model_config = ConfigDict(frozen=True)
    postgres: int
    valkey: int
    mlflow: int
    password: str

    @property
    def database_url(self) -> str:
        return f"postgresql://finetuning:{self.password}@{HOST}:{self.postgres}/finetuning"

    @property
    def mlflow_database_url(self) -> str:
        return f"postgresql+psycopg://finetuning:{self.password}@{HOST}:{self.postgres}/mlflow"

    @property
    def broker_url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.valkey}/0"

    @property
    def mlflow_uri(self) -> str:
        return f"http://{HOST}:{self.mlflow}"


def free(port: int, host: str = HOST) -> bool:
    """Whether nobody listens there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free for a server
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def keep_first(path: Path, text: str) -> str:
    """What `path` holds; if there is none yet, `text`, for its owner alone. Of several processes at once the first wins."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = _written_beside(path, text)
        try:
            os.link(beside, path)  # unlike a rename, fails when somebody was faster
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    return path.read_text(encoding="utf-8")


def addresses(data_dir: Path) -> Addresses:
    """The recorded addresses; the first to ask chooses them."""
    chosen = _choose(password=secrets.token_hex(16)).model_dump_json(indent=2)
    return Addresses.model_validate_json(keep_first(data_dir / "stack.json", chosen))


def choose_again(data_dir: Path) -> Addresses:
    """New ports, the same password: for when another program has taken one. The services must be down."""
    path = data_dir / "stack.json"
    _written_beside(path, _choose(password=addresses(data_dir).password).model_dump_json(indent=2)).replace(path)
    return addresses(data_dir)


def _choose(*, password: str) -> Addresses:
    chosen: list[int] = []
    while len(chosen) < 3:
        port = secrets.choice(PORTS)
        if port not in chosen and free(port):
            chosen.append(port)
    return Addresses(postgres=chosen[0], valkey=chosen[1], mlflow=chosen[2], password=password)


def _written_beside(path: Path, text: str) -> Path:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.touch(mode=0o600)
    beside.write_text(text, encoding="utf-8")
    return beside
