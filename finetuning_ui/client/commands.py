"""What each command of `ftui` does. Knows the client's functions, and how to show what they return."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from enum import Enum
from getpass import getpass
from typing import Any

from finetuning_ui.client import connection, watching
from finetuning_ui.client import foundation_model as fm
from finetuning_ui.client.arguments import TEXTS, parser
from finetuning_ui.client.completion import script
from finetuning_ui.client.connection import Credentials
from finetuning_ui.client.models import Report
from finetuning_ui.client.needs import needs
from finetuning_ui.client.rest import Client
from finetuning_ui.client.run import RunStatus, TrainingRun
from finetuning_ui.client.settings import Settings
from finetuning_ui.client.tables import lines


class Ending(Enum):
    """How it ended, where nothing went wrong with the command itself."""

    WELL = "well"
    BADLY = "badly"  # the run did
    REFUSED = "refused"  # the file was


RUN = ["name", "status", "owner", "model", "dataset", "created_at"]
ASKED = ["task_type", "eval_prompts", "learning_rate", "context_length", *TEXTS, *Settings.__annotations__]


def login(asked: Namespace) -> None:
    """Nothing is kept unless the server knows the token."""
    token = asked.token or (getpass("Token: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    address = connection.address(asked.host)
    with Client(address, token) as client:
        me = client.whoami()
    path = connection.save(Credentials(address, token))
    _say(asked, me, f"{me['username']} at {address}, kept in {path}")


def models(asked: Namespace) -> None:
    _table(asked, [asdict(model) for model in fm.get_models()], ["name", "max_context_length", "parameters", "available"])


def upload(asked: Namespace) -> None:
    made = fm.upload(asked.file, task_type=asked.task_type, name=asked.name)
    _say(asked, asdict(made), f"{made.name}: {made.rows} rows")


def check(asked: Namespace) -> Ending | None:
    plan = {"model": asked.model, "context_length": asked.context_length, "training_duration": asked.training_duration}
    found = fm.check(asked.file, task_type=asked.task_type, **plan)
    _say(asked, asdict(found), "\n".join(_checked(found)))
    refused = not found.ok or any(one["severity"] == "error" for one in found.advice)
    return Ending.REFUSED if refused else None


def _checked(found: Report) -> Iterator[str]:
    """What was found, a line each: the sentence, the counts, the advice."""
    yield found.sentence
    if found.trouble:
        yield found.trouble
    if counts := found.profile:
        yield f"{counts['tokens']:,} tokens, {counts['trained_tokens']:,} trained, {counts['longest']:,} in the longest row"
        lost = f"{counts['truncated_rows']:,} rows cut and {counts['untrained_rows']:,} dropped"
        yield f"{lost} at {counts['context_length']:,} tokens"
    for one in found.advice:
        yield f"{one['severity'].lower()}: {one['message']} {one['remedy']}"


def completion(asked: Namespace) -> None:
    text = script(asked.shell, parser())
    _say(asked, {"shell": asked.shell, "script": text}, text.rstrip("\n"))


def create(asked: Namespace) -> Ending | None:
    run = fm.create(asked.model, asked.train_data_path, asked.register_to, **_settings(asked))
    if not asked.follow:
        _say(asked, _client().run(run.name), run.name)
        return None
    asked.run, asked.poll = run.name, watching.POLL
    return follow(asked)


def estimate(asked: Namespace) -> Ending | None:
    plan = (asked.model, asked.train_data_path, asked.register_to)
    found = fm.estimate(*plan, measure=asked.measure, **_settings(asked))
    _say(asked, asdict(found), "\n".join(needs(found)))
    return None if found.fits else Ending.REFUSED


def _settings(asked: Namespace) -> dict[str, Any]:
    """What was said of the run, beside its model, its data and its place."""
    return {name: value for name in ASKED if (value := getattr(asked, name)) is not None}


def list_runs(asked: Namespace) -> None:
    found = fm.list(statuses=asked.status, owner=asked.owner, before=asked.before, after=asked.after, limit=asked.limit)
    _table(asked, map(_row, found), RUN)


def show(asked: Namespace) -> None:
    shown = _client().run(asked.run)
    facts = {key: value for key, value in shown.items() if value not in (None, "", {}, [])}
    _say(asked, shown, "\n".join(f"{key:<20} {_fact(value)}" for key, value in facts.items()))


def follow(asked: Namespace) -> Ending:
    """With --json, one event a line."""
    for event in watching.events(asked.run, poll=asked.poll):
        _say(asked, asdict(event), f"{event.time}  {event.type:<17}  {event.message}")
    return Ending.WELL if fm.get(asked.run).status is RunStatus.COMPLETED else Ending.BADLY


def cancel(asked: Namespace) -> None:
    """Each by itself, so that what the server says about one of them is heard."""
    shown = [_client().cancel(name) for name in asked.run]
    _table(asked, shown, ["name", "status"])


def checkpoints(asked: Namespace) -> None:
    rows = [row for row in _client().checkpoints(asked.run) if not row["deleted_at"]]
    _table(asked, [{"path": f"{asked.run}/{row['name']}", **row} for row in rows], ["path", "step", "epoch", "bytes"])


def _row(run: TrainingRun) -> dict[str, Any]:
    """A run in REST's words, as `show` has them."""
    return {
        "name": run.name,
        "status": run.status.value,
        "owner": run.created_by,
        "model": run.model,
        "dataset": run.train_data_path,
        "created_at": run.created_at.isoformat(timespec="seconds"),
    }


def _client() -> Client:
    return connection.client()


def _fact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _say(asked: Namespace, document: Any, text: str) -> None:
    """`document` for programs, `text` for people."""
    sys.stdout.write((json.dumps(document, ensure_ascii=False) if asked.json else text) + "\n")
    sys.stdout.flush()


def _table(asked: Namespace, rows: Iterable[dict[str, Any]], columns: list[str]) -> None:
    found = [*rows]
    _say(asked, found, "\n".join(lines(found, columns)))


COMMANDS: dict[str, Callable[[Namespace], Ending | None]] = {
    "login": login,
    "models": models,
    "upload": upload,
    "check": check,
    "completion": completion,
    "create": create,
    "estimate": estimate,
    "list": list_runs,
    "show": show,
    "follow": follow,
    "cancel": cancel,
    "checkpoints": checkpoints,
}
