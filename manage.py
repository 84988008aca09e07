#!/usr/bin/env python
"""Django's command line: `up`, `doctor`, `demo`, `create_token` and Django's own commands."""

import os
import sys

NO_DJANGO = "Django is not installed in this Python. Run `make install`, then `.venv/bin/python manage.py ...`."
NO_DATABASE = """The database does not answer: {error}
If the stack is down, start it with `make run` (with the same DATA_DIR), or set DATABASE_URL."""


def main() -> str | None:
    """Why it failed, in words, or None."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "finetuning_ui.settings")
    try:
        from django.core.management import execute_from_command_line
        from django.db import OperationalError
    except ImportError:
        return NO_DJANGO
    from finetuning_ui.env import BadEnvironment

    try:
        execute_from_command_line(sys.argv)
    except BadEnvironment as error:
        return str(error)
    except OperationalError as error:
        return NO_DATABASE.format(error=error)
    return None


if __name__ == "__main__":
    sys.exit(main())
