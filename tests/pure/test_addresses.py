"""Each DATA_DIR has addresses of its own, chosen once, also when many processes ask at the same moment."""

import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from finetuning_ui.env import PROJECT
from finetuning_ui.stack.addresses import HOST, PORTS, addresses, choose_again, free


def test_they_are_chosen_once_and_kept(tmp_path: Path) -> None:
    assert addresses(tmp_path / "new") == addresses(tmp_path / "new")


def test_two_folders_share_neither_ports_nor_passwords(tmp_path: Path) -> None:
    one, two = addresses(tmp_path / "one"), addresses(tmp_path / "two")
    assert one.password != two.password
    assert {one.postgres, one.valkey, one.mlflow} != {two.postgres, two.valkey, two.mlflow}


def test_ports_lie_outside_the_range_that_outgoing_connections_use(tmp_path: Path) -> None:
    chosen = addresses(tmp_path)
    assert all(port in PORTS for port in (chosen.postgres, chosen.valkey, chosen.mlflow))
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert lowest >= PORTS.stop


def test_every_address_is_on_loopback(tmp_path: Path) -> None:
    chosen = addresses(tmp_path)
    for url in (chosen.database_url, chosen.mlflow_database_url, chosen.broker_url, chosen.mlflow_uri):
        assert urlsplit(url).hostname == HOST


def test_the_file_with_the_password_is_for_its_owner_alone(tmp_path: Path) -> None:
    addresses(tmp_path)
    assert (tmp_path / "stack.json").stat().st_mode & 0o777 == 0o600


def test_many_processes_that_ask_at_once_get_the_same_answer(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from finetuning_ui.stack.addresses import addresses;"
    command = [sys.executable, "-c", f"{script} print(addresses(Path(sys.argv[1])))", str(tmp_path / "shared")]
    asking = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert len({process.communicate()[0] for process in asking}) == 1
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["stack.json"]


def test_choosing_again_changes_the_ports_and_keeps_the_password(tmp_path: Path) -> None:
    before = addresses(tmp_path)
    after = choose_again(tmp_path)
    assert after == addresses(tmp_path)
    assert after.password == before.password
    assert after.postgres != before.postgres or after.valkey != before.valkey


def test_a_port_is_free_until_somebody_listens() -> None:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not free(port)
    assert free(port)
