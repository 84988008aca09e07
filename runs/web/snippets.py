"""The same run as code: for the REST door, for our own client and for scripts of the original service's client.

Text only. Knows no request and no database.
"""

import json
import shlex
from pprint import pformat
from typing import Any

# What the original service's `create` takes; the rest of our settings it does not know.
ORIGINAL = (
    "model", "train_data_path", "register_to", "experiment_path", "task_type", "eval_data_path", "eval_prompts",
    "custom_weights_path", "training_duration", "learning_rate", "context_length",
)  # fmt: skip
CLUSTER_ID = "finetuning-ui"  # the one that stands for an installation


def curl(host: str, asked: dict[str, Any]) -> str:
    """A shell command; the token is taken from the environment, so that it stays out of the shell's history."""
    body = shlex.quote(json.dumps(asked, indent=2, ensure_ascii=False))
    return "\n".join(
        (
            f"curl {shlex.quote(host + '/api/v1/runs')} \\",
            '  -H "Authorization: Bearer $FTUI_TOKEN" \\',
            '  -H "Content-Type: application/json" \\',
            f"  -d {body}",
        )
    )


def python(host: str, asked: dict[str, Any]) -> str:
    """A script for `finetuning_ui.client`."""
    return "\n".join(
        (
            "import os",
            "from finetuning_ui.client import foundation_model as fm",
            "",
            f'fm.connect({host!r}, os.environ["FTUI_TOKEN"])',
            f"run = fm.create({_arguments(asked)})",
            "print(run.name)",
        )
    )


def ftui(host: str, asked: dict[str, Any]) -> str:
    """A command line; host and token are taken from the environment."""
    words = [asked["model"], asked["train_data_path"], asked["register_to"]]
    for name, value in asked.items():
        if name == "eval_prompts":
            words += [f"--eval-prompt={prompt}" for prompt in value]
        elif isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{name.replace('_', '-')}")
        elif name not in ("model", "train_data_path", "register_to") and value is not None:
            words.append(f"--{name.replace('_', '-')}={value}")
    lines = [
        " ".join(["FTUI_HOST=" + shlex.quote(host), "ftui create", *map(shlex.quote, words[:3])]),
        *map(shlex.quote, words[3:]),
    ]
    return " \\\n  ".join(lines)


def openai(host: str, asked: dict[str, Any]) -> str:
    """A script for OpenAI's client. Our data sets are its files."""
    settings: dict[str, Any] = {}
    if str(asked.get("training_duration", "")).endswith("ep"):
        settings["n_epochs"] = int(asked["training_duration"][:-2])
    if "batch_size" in asked:
        settings["batch_size"] = asked["batch_size"]
    known = {"model": asked["model"], "training_file": f"file-{asked['train_data_path']}"}
    if asked.get("eval_data_path"):
        known["validation_file"] = f"file-{asked['eval_data_path']}"
    if "seed" in asked:
        known["seed"] = asked["seed"]
    if suffix := ".".join(asked["register_to"].split(".")[2:]):
        known["suffix"] = suffix[:64]
    known["method"] = {"type": "supervised", "supervised": {"hyperparameters": settings}}
    set_here = {"model", "train_data_path", "eval_data_path", "register_to", "task_type", "batch_size", "seed"}
    set_here |= {"training_duration"} if "n_epochs" in settings else set()
    unknown = [name for name in asked if name not in set_here]
    note = [f"# This client cannot set: {', '.join(unknown)}. Their defaults count."] if unknown else []
    return "\n".join(
        (
            "import os",
            "from openai import OpenAI",
            "",
            *note,
            f'client = OpenAI(base_url={host + "/v1"!r}, api_key=os.environ["FTUI_TOKEN"])',
            f"job = client.fine_tuning.jobs.create({_arguments(known)})",
            "print(job.id)",
        )
    )


def databricks(host: str, asked: dict[str, Any]) -> str:
    """A script for the original service's client, which reads host and token from the environment."""
    known = {name: asked[name] for name in ORIGINAL if name in asked}
    unknown = [name for name in asked if name not in ORIGINAL]
    note = [f"# This client cannot set: {', '.join(unknown)}. Their defaults count."] if unknown else []
    paths = [known[name] for name in ("train_data_path", "eval_data_path", "custom_weights_path") if known.get(name)]
    if any("." in path for path in paths if "/" not in path):
        known["data_prep_cluster_id"] = CLUSTER_ID  # it reads no table without a cluster
    if any(not path.startswith("dbfs:/") for path in paths):
        known["validate_inputs"] = False  # it would take our data set's name for a table's, and looks for others elsewhere
    return "\n".join(
        (
            f"# DATABRICKS_HOST={host} DATABRICKS_TOKEN=$FTUI_TOKEN python this_script.py",
            *note,
            "from databricks.model_training import foundation_model as fm",
            "",
            f"run = fm.create({_arguments(known)})",
            "print(run.name)",
        )
    )


def loading(tracking_uri: str, uri: str, task: str) -> str:
    """Load a registered model with MLflow alone and ask it something."""
    question = "What can you do for me?"
    asked: Any = {"messages": [{"role": "user", "content": question}]} if task == "CHAT_COMPLETION" else [question]
    return "\n".join(
        (
            "import mlflow",
            "",
            f"mlflow.set_tracking_uri({tracking_uri!r})",
            f"model = mlflow.pyfunc.load_model({uri!r})",
            f"print(model.predict({asked!r}))",
        )
    )


def _arguments(values: dict[str, Any]) -> str:
    lines = [f"    {name}={pformat(value, width=100, sort_dicts=False)}," for name, value in values.items()]
    return "\n".join(("", *lines, "")) if lines else ""
