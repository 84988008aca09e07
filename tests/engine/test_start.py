"""The engine starts without what it does not use: its modules are listed when it says its first step."""

import subprocess
import sys
from pathlib import Path

import pytest

from runs.contract.events import Outcome
from runs.engine.lean import UNUSED
from tests.engine.folders import Engine, chats, make_run

HEAVY = (
    *UNUSED, "torch._dynamo.convert_frame", "torch._inductor", "torch.distributed.tensor", "torch.onnx",
    "peft", "networkx", "mlflow", "django", "celery", "datasets", "trl", "matplotlib", "IPython", "pyarrow", "requests",
)  # fmt: skip

LISTING = """
import gc, sys
from pathlib import Path
from runs.engine import __main__, reporting
say = reporting.Reporter.say
def listen(self, line):
    if line.kind == "step" and line.step == 1:
        Path(sys.argv[1], "imported").write_text(" ".join(name for name, module in sys.modules.items() if module))
        Path(sys.argv[1], "garbage").write_text(f"{gc.isenabled()} {gc.get_freeze_count() > 100_000}")
    say(self, line)
reporting.Reporter.say = listen
sys.exit(__main__.main())
"""

ASKING = """
import sys
from runs.engine.lean import postpone_compiler
postpone_compiler()
import torch
assert "sympy" not in sys.modules
assert torch._dynamo.config.cache_size_limit > 0
assert "sympy" in sys.modules and sys.modules["torch._dynamo"] is torch._dynamo
print(torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item())
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every module of a run up to its first step, the first evaluation included."""
    folder = make_run(tmp_path_factory.mktemp("start") / "run", chats(8), held_out=chats(2), training_duration="1ba")
    subprocess.run([sys.executable, "-c", LISTING, str(folder.path)], check=True)
    assert (folder.path / "garbage").read_text() == "True True", "it is looked for, but not among what libraries keep for good"
    return set((folder.path / "imported").read_text().split())


def test_a_run_imports_nothing_that_it_does_not_use(imported: set[str]) -> None:
    assert {"torch", "transformers.models.llama.modeling_llama"} <= imported
    assert not {name for name in imported for heavy in HEAVY if name == heavy or name.startswith(f"{heavy}.")}


@pytest.mark.parametrize(
    "settings",
    [{"gradient_checkpointing": True, "optimizer": "lion", "precision": "bf16"}, {"method": "lora"}, {"method": "qlora"}],
    ids=["all of it", "LoRA", "QLoRA"],
)
def test_a_process_of_its_own_can_do_what_the_tests_process_can(tmp_path: Path, settings: dict[str, object]) -> None:
    folder = make_run(
        tmp_path / "run", chats(8), held_out=chats(2), prompts=("Which team?",), training_duration="2ba", **settings
    )
    assert Engine(folder).end().outcome == Outcome.COMPLETED, folder.log.read_text()[-2_000:]


def test_the_compiler_is_there_for_whoever_asks_for_more() -> None:
    done = subprocess.run([sys.executable, "-c", ASKING], capture_output=True, text=True, check=False, cwd=Path.cwd())
    assert done.stdout.strip() == "2.0", done.stderr
