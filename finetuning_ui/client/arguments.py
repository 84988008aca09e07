"""What can be typed after `ftui`."""

import argparse
from typing import get_type_hints

from finetuning_ui.client.completion import SHELLS
from finetuning_ui.client.run import RunStatus
from finetuning_ui.client.settings import Settings

TASKS = ["CHAT_COMPLETION", "INSTRUCTION_FINETUNE", "CONTINUED_PRETRAIN"]
TEXTS = ["experiment_path", "eval_data_path", "custom_weights_path", "training_duration"]


def parser() -> argparse.ArgumentParser:
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--json", action="store_true", help="answer in JSON, for programs")
    top = argparse.ArgumentParser(prog="ftui", description="Fine-tune models on a Finetuning UI server.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, description=summary, parents=[every])

    login = command("login", "Keep a server's address and a token of it for later calls.")
    login.add_argument("host", help="as in http://127.0.0.1:8000")
    login.add_argument("--token", help="read from the terminal or standard input when it is not given")
    command("models", "List the base models that a run may start from.")
    upload = command("upload", "Check a file and keep its rows as a data set.")
    upload.add_argument("--name", default="", help="of the data set; after the file when it is not given")
    check = command("check", "Say whether a file can be trained on. Nothing is kept.")
    for one in (upload, check):
        one.add_argument("file")
        one.add_argument("--task-type", choices=TASKS, default=TASKS[0])
    check.add_argument("--model", help="count its tokens, and advise on their number, on lengths and on the file's size")
    check.add_argument("--context-length", type=int, help="tokens; the model's usual length when it is not given")
    check.add_argument("--training-duration", help="as in 3ep, for advice on epochs")
    create = command("create", "Start a run.")
    estimate = command("estimate", "Say what a run would need on the server. Nothing is created.")
    for one in (create, estimate):
        _plan(one)
    create.add_argument("register_to", help="catalog.schema or catalog.schema.model")
    create.add_argument("--follow", action="store_true", help="stay until the run has ended")
    estimate.add_argument("register_to", nargs="?", default="main.default", help="as for create; it changes nothing")
    estimate.add_argument("--measure", action="store_true", help="have the server take a few real steps: minutes, perhaps")
    listing = command("list", "List runs, newest first.")
    listing.add_argument("--status", action="append", choices=[one.value for one in RunStatus][:-1], type=str.upper)
    listing.add_argument("--owner")
    listing.add_argument("--before", help="a date, as in 2026-01-31")
    listing.add_argument("--after")
    listing.add_argument("--limit", type=int, default=20)
    command("show", "Show a run.").add_argument("run")
    follow = command("follow", "Write a run's events as they come; end as it ends.")
    follow.add_argument("run")
    follow.add_argument("--poll", type=float, default=2.0, help="seconds between two looks (%(default)s)")
    command("cancel", "Cancel runs.").add_argument("run", nargs="+")
    command("checkpoints", "List a run's checkpoints.").add_argument("run")
    command("completion", "Write what a shell reads to complete ftui.").add_argument("shell", choices=SHELLS)
    return top


def _plan(into: argparse.ArgumentParser) -> None:
    """What a run is to be."""
    into.add_argument("model")
    into.add_argument("train_data_path", help="name of a data set, or dbfs:/Volumes/...")
    into.add_argument("--task-type", choices=TASKS)
    into.add_argument("--eval-prompt", action="append", dest="eval_prompts", metavar="PROMPT", help="may be given repeatedly")
    into.add_argument("--learning-rate", type=float)
    into.add_argument("--context-length", type=int, help="tokens")
    for name in TEXTS:
        into.add_argument(_option(name))
    for name, kind in get_type_hints(Settings).items():
        if kind is bool:
            into.add_argument(_option(name), action=argparse.BooleanOptionalAction)
        else:
            into.add_argument(_option(name), type=kind if kind in (int, float) else str)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
