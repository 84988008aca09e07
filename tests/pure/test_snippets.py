"""A run as code: whatever the settings hold, the shell and Python read back exactly what was asked."""

import ast
import json
import shlex
from typing import Any

import pytest

from runs.contract.request import RunRequest
from runs.web import snippets

HOST = "http://runs.example:8000"
ASKED: dict[str, Any] = {
    "model": "meta-llama/Llama-3.2-1B-Instruct",
    "train_data_path": "helpdesk",
    "register_to": "main.default.Llama-helpdesk",
    "learning_rate": 2e-5,
    "eval_prompts": ['It\'s "quoted" $HOME `id`', "two\nlines", "ümläut \\ backslash"],
    "batch_size": 4,
}


def keywords(script: str, function: str) -> dict[str, Any]:
    """The keyword arguments of the one call of `function` in a script."""
    calls = [node for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Call) and ast.unparse(node.func) == function]
    (call,) = calls
    return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}


def test_the_shell_reads_the_body_back_as_it_was() -> None:
    words = shlex.split(snippets.curl(HOST, ASKED).replace("\\\n", " "))
    assert words[:2] == ["curl", f"{HOST}/api/v1/runs"]
    assert "Authorization: Bearer $FTUI_TOKEN" in words
    assert json.loads(words[-1]) == ASKED
    RunRequest.model_validate_json(words[-1])


def test_python_reads_the_arguments_back_as_they_were() -> None:
    assert keywords(snippets.python(HOST, ASKED), "fm.create") == ASKED


def test_the_original_client_gets_what_it_knows_and_is_told_what_it_does_not() -> None:
    script = snippets.databricks(HOST, ASKED)
    sent = keywords(script, "fm.create")
    assert "batch_size" not in sent
    assert "cannot set: batch_size" in script
    assert sent["validate_inputs"] is False  # it would take the name of our data set for a table
    from_a_volume = {**ASKED, "train_data_path": "dbfs:/Volumes/main/default/data/helpdesk.jsonl"}
    assert "validate_inputs" not in keywords(snippets.databricks(HOST, from_a_volume), "fm.create")


@pytest.mark.parametrize("task", ["CHAT_COMPLETION", "INSTRUCTION_FINETUNE"])
def test_the_script_that_loads_a_model_is_python(task: str) -> None:
    script = snippets.loading("http://mlflow:5000", "models:/main.default.x/1", task)
    ast.parse(script)
    assert "mlflow.pyfunc.load_model('models:/main.default.x/1')" in script
