"""Who writes on somebody's behalf writes it down."""

import ast
from pathlib import Path

from finetuning_ui.env import PROJECT

WRITES = {
    "save",
    "save_fields",
    "create",
    "bulk_create",
    "get_or_create",
    "update_or_create",
    "delete",
    "unlink",
    "mkdir",
    "rmtree",
}
LEFT_OUT = {
    "arrivals.whole",  # making the data set writes it down
    "audit._add",  # is what records
    "once.once",  # what it makes is recorded by its own service
    "once.release",
    "resending.once_if_resent",  # likewise
    "resending.heard",
    "drafts.start",  # lifecycle.submit writes down the run
}


def calls(function: ast.FunctionDef) -> set[str]:
    found = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in found}


def recording(made: dict[str, set[str]]) -> set[str]:
    """Those of a module's functions that record, or call one that does."""
    found: set[str] = set()
    while more := {name for name, called in made.items() if called & ({"record"} | found)} - found:
        found |= more
    return found


def test_a_service_that_writes_for_somebody_records_it() -> None:
    """A function with `by` that writes calls `record`, itself or through another; see runs/services/audit.py."""
    silent = []
    for path in sorted(Path(PROJECT, "runs/services").glob("*.py")):
        functions = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
        made = {node.name: calls(node) for node in functions}
        for node in functions:
            acts_for_somebody = "by" in {arg.arg for arg in [*node.args.args, *node.args.kwonlyargs]}
            if acts_for_somebody and made[node.name] & WRITES and node.name not in recording(made):
                silent.append(f"{path.stem}.{node.name}")
    assert set(silent) - LEFT_OUT == set()
