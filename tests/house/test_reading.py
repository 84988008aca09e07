"""Nothing that a file, a session or a message says is ever run: no pickle is read anywhere, nor what reads like one."""

import ast
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import caches

from finetuning_ui.celery import app
from finetuning_ui.env import PROJECT
from tests.house.test_rules import product

NEVER = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
CALLS = {"eval", "exec", "compile", "__import__"}


def unsafe(source: str) -> Iterator[tuple[int, str]]:
    """Lines that read what could run code, and why."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.partition(".")[0] in NEVER)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in NEVER:
            yield node.lineno, str(node.module)
        elif isinstance(node, ast.Call) and (why := _unsafe_call(node)):
            yield node.lineno, why


def _unsafe_call(node: ast.Call) -> str:
    name = ast.unparse(node.func)
    told = {word.arg: ast.unparse(word.value) for word in node.keywords}
    if name in CALLS:
        return name
    if name.endswith(("torch.load", "torch.serialization.load")) and told.get("weights_only") != "True":
        return "torch.load without weights_only=True"
    if name.rpartition(".")[2] == "read_pickle" or told.get("allow_pickle", "False") != "False":
        return "a pickle"
    if name in ("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load"):
        return f"{name}, where yaml.safe_load would do"
    if told.get("trust_remote_code", "False") != "False":
        return "code that comes with a model"
    if name.endswith(".from_pretrained") and "Model" in name and told.get("use_safetensors") != "True":
        return "weights that may be a pickle: use_safetensors=True"
    return ""


def test_the_product_reads_nothing_that_could_run() -> None:
    found = [
        f"{path.relative_to(PROJECT)}:{line}: {why}"
        for path in product()
        for line, why in unsafe(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "pandas.read_pickle(path)",
        "yaml.load(text)",
        "eval(text)",
        "AutoTokenizer.from_pretrained(path, trust_remote_code=True)",
        "AutoModelForCausalLM.from_pretrained(path)",
    ],
)
def test_the_rule_sees(line: str) -> None:
    assert list(unsafe(line))


@pytest.mark.parametrize(
    "line", ["torch.load(path, weights_only=True)", "np.load(path)", "yaml.safe_load(text)", "re.compile(x)"]
)
def test_the_rule_lets_be(line: str) -> None:
    assert not list(unsafe(line))


def test_sessions_messages_and_tasks_are_json() -> None:
    assert settings.SESSION_SERIALIZER == "django.contrib.sessions.serializers.JSONSerializer"
    assert set(app.conf.accept_content) == {"json"}
    assert {app.conf.task_serializer, app.conf.result_serializer, app.conf.event_serializer} == {"json"}


def test_no_cache_that_other_processes_write_is_read_as_pickle() -> None:
    """Django's shared caches (Redis, Memcached, files, database) read pickles; the one in memory is this process's own."""
    assert {caches[name].__class__.__name__ for name in settings.CACHES} == {"LocMemCache"}
