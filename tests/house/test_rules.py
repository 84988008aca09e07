"""The rules of the house that no linter knows."""

import ast
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from finetuning_ui.env import PROJECT, Environment

VAGUE = {"utils", "helpers", "common", "base", "manager", "misc", "tools"}


def tracked(*patterns: str) -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [path for name in listing.stdout.split("\0") if name and (path := PROJECT / name).exists()]


def product() -> list[Path]:
    """Our own Python, less what Django writes."""
    return [path for path in tracked("finetuning_ui/*.py", "runs/*.py", "manage.py") if "migrations" not in path.parts]


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_longer_than_300_lines() -> None:
    long = {str(path.relative_to(PROJECT)): length(path) for path in product() if length(path) > 300}
    assert long == {}


def test_half_of_the_files_are_shorter_than_70_lines() -> None:
    assert statistics.median(length(path) for path in product() if length(path)) < 70


def test_nine_functions_of_ten_are_shorter_than_30_lines() -> None:
    lengths = [
        (node.end_lineno or 0) - node.lineno + 1
        for path in product()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert statistics.quantiles(lengths, n=10)[-1] < 30


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in tracked("*.py") if path.stem in VAGUE] == []


def test_every_module_opens_by_saying_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(PROJECT))
        for path in product()
        if (tree := ast.parse(path.read_text(encoding="utf-8"))).body and not ast.get_docstring(tree)
    ]
    assert silent == []


def test_no_machine_path_is_committed() -> None:
    """A path into somebody's home or build machine works there and nowhere else."""
    machine = re.compile(r"(?<![\w.])/(?:home|root|work|mnt|opt)/\w+")
    suspects = [
        path for path in tracked() if path.suffix in {".py", ".toml", ".yaml", ".html", ".js", ".css", ".md", ".txt", ""}
    ]
    found = {
        str(path.relative_to(PROJECT)): match.group()
        for path in suspects
        if path != Path(__file__) and (match := machine.search(path.read_text(encoding="utf-8", errors="replace")))
    }
    assert found == {}


def test_only_one_module_reads_the_environment() -> None:
    """Others may name the settings module, hand on the environment, set what libraries read, or show code to people."""
    reading = re.compile(r"os\.environ(?!\.setdefault\(\"DJANGO_SETTINGS_MODULE\")|os\.getenv")
    readers = {str(path.relative_to(PROJECT)) for path in product() if reading.search(path.read_text(encoding="utf-8"))}
    allowed = {"runs/execution/environment.py", "runs/engine/__main__.py", "runs/engine/__init__.py", "runs/web/snippets.py"}
    allowed |= {"finetuning_ui/client/connection.py"}  # on other machines, without the rest of the product
    assert readers - allowed - {"finetuning_ui/env.py"} == set()


def test_every_variable_is_in_the_example_and_the_example_names_no_other() -> None:
    named = set(re.findall(r"^#?([A-Z_]+)=", (PROJECT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert named == set(Environment.model_fields)


@pytest.mark.parametrize("entry", ["finetuning_ui.asgi", "finetuning_ui.celery"])
def test_neither_web_nor_worker_loads_torch_or_mlflow(entry: str) -> None:
    """They would need seconds and hundreds of MB more, in each of several processes."""
    loads = (
        f"import {entry}, sys, django; django.setup(); import runs.tasks, django.urls; django.urls.get_resolver().url_patterns"
    )
    heavy = "sorted({'torch', 'transformers', 'mlflow', 'pandas'} & set(sys.modules))"
    made = subprocess.run(
        [sys.executable, "-c", f"{loads}; print({heavy})"],
        cwd=PROJECT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "finetuning_ui.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.stdout.strip() == "[]", made.stdout + made.stderr


def test_who_may_import_whom() -> None:
    made = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
