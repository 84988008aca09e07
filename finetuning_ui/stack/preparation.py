"""What an installation needs before it can serve: tables, the catalog, static files and somebody who may log in."""

from concurrent.futures import ThreadPoolExecutor

from django.core.management import call_command, get_commands
from django.db import connection

from finetuning_ui.stack.supervisor import Say
from runs.services.access import ensure_first_admin

UNUSED = ["widgetbundle.js", "datasets"]  # in the plotly wheel, several MB


def prepare(say: Say) -> None:
    """Bring the database and the static files up to this version of the code. Done before? Then it changes nothing."""
    with ThreadPoolExecutor(max_workers=1) as other:  # compressing static files takes as long as making the tables
        static = other.submit(call_command, "collectstatic", interactive=False, verbosity=0, ignore_patterns=UNUSED)
        _prepare_database(say)
        static.result()


def _prepare_database(say: Say) -> None:
    call_command("migrate", interactive=False, verbosity=0)
    if "load_catalog" in get_commands():
        call_command("load_catalog", verbosity=0)
    if first := ensure_first_admin():
        username, password = first
        say("admin", f"first account: {username}, password: {password} (shown only now)")
    connection.close()  # nobody needs it until the stack stops
