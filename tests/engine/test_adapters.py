"""LoRA and QLoRA: only the adapter learns, PEFT reads what is written, and the finished model is what was scored."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from runs.contract.events import Evaluation, Fault, Outcome, Plan
from runs.contract.folder import RunFolder
from runs.contract.inputs import ModelSource
from runs.engine import adapters, evaluation, models
from runs.engine.methods import METHODS
from runs.engine.training import Training
from tests.engine.folders import Engine, chats, lines, losses, make_run, train
from tests.tiny import MAX_CONTEXT, tiny_model

HELD_OUT = chats(6, start=100)
CPU = torch.device("cpu")


def adapted(path: Path, method: str, **settings: object) -> RunFolder:
    asked = {"method": method, "lora_rank": 4, "lora_dropout": 0.1, "training_duration": "30ba", "eval_interval": "10ba"}
    return make_run(path, chats(20), held_out=HELD_OUT, learning_rate=1e-2, **{**asked, **settings})  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["lora", "qlora"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = adapted(tmp_path_factory.mktemp(request.param), request.param)
    assert train(folder).outcome == Outcome.COMPLETED
    return folder


def scores(folder: RunFolder) -> list[float]:
    return [line.loss for line in lines(folder) if isinstance(line, Evaluation)]


def test_it_learns_with_a_fraction_of_the_parameters(finished: RunFolder) -> None:
    found = losses(finished)
    assert found[30] < 0.8 * found[1]
    (plan,) = [line for line in lines(finished) if isinstance(line, Plan)]
    rank, layers, wide, keys, inner = 4, 2, 32, 16, 64
    assert plan.trainable_parameters == rank * layers * (2 * 2 * wide + 2 * (wide + keys) + 3 * (wide + inner))


def test_checkpoints_hold_the_adapter_alone(finished: RunFolder) -> None:
    kept = finished.checkpoints / "ep6-ba30"
    weights = (tiny_model() / "model.safetensors").stat().st_size
    assert not (kept / "model.safetensors").exists()
    assert (kept / "adapter_model.safetensors").stat().st_size < weights / 3
    assert all("lora_" in name for name in load_file(kept / "adapter_model.safetensors"))


def test_the_best_adapter_is_put_into_the_model_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = adapted(tmp_path, "lora", keep_policy="best", keep_checkpoints=1)
    loaded: list[Path] = []
    load, evaluate = models.load, evaluation.evaluate

    def noted(source: ModelSource, weights: Path, *given: Any) -> Any:
        loaded.append(weights)
        return load(source, weights, *given)

    def best_at_10(training: Training, *given: Any) -> Evaluation:
        return evaluate(training, *given).model_copy(update={"loss": abs(training.step - 10) + 1.0})

    monkeypatch.setattr(models, "load", noted)
    monkeypatch.setattr(evaluation, "evaluate", best_at_10)
    assert train(folder).outcome == Outcome.COMPLETED
    best, _ = sorted(folder.checkpoints.iterdir())
    assert best.name == "ep2-ba10"
    assert len(loaded) == 1, "a large model is in memory once"
    assert (folder.adapter / "adapter_model.safetensors").read_bytes() == (best / "adapter_model.safetensors").read_bytes()


def test_an_adapter_names_its_base_model_by_id_and_says_where_its_weights_lie(finished: RunFolder) -> None:
    for folder in (finished.checkpoints / "ep6-ba30", finished.adapter):
        assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "tiny/Tiny-Instruct"
        assert json.loads((folder / "adapter_base.json").read_text())["path"] == str(tiny_model())


def test_peft_reads_the_adapter_and_makes_the_same_model(finished: RunFolder) -> None:
    """PEFT's own merge into the original weights: equal for LoRA; for QLoRA apart by what 4 bits lose, which ours keeps."""
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model()), finished.adapter).merge_and_unload()
    ours = AutoModelForCausalLM.from_pretrained(finished.model)
    quantized = finished.read_spec().hyperparameters.method == "qlora"
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        apart = float((mine - other).detach().abs().max())
        assert apart < (0.1 if quantized and "proj" in name else 1e-6), name
        if "proj" not in name:
            assert torch.equal(mine, other)


def test_the_finished_model_is_the_one_that_was_scored(tmp_path: Path, finished: RunFolder) -> None:
    again = make_run(tmp_path, chats(4), held_out=HELD_OUT, model=finished.model, training_duration="1ba")
    train(again)
    assert scores(again)[0] == pytest.approx(scores(finished)[-1], abs=2e-5)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_starts_from_a_checkpoint_that_is_an_adapter(tmp_path: Path, finished: RunFolder, method: str) -> None:
    kept = finished.checkpoints / "ep4-ba20"
    first = make_run(
        tmp_path / "first", chats(8), held_out=HELD_OUT, custom_weights=kept, training_duration="2ba", method=method
    )
    end = train(first) if method == "lora" else Engine(first).end()  # a process that would leave out what PEFT needs
    assert end.outcome == Outcome.COMPLETED, end.message
    assert scores(first)[0] == pytest.approx(scores(finished)[2], abs=2e-5)
    if method == "lora":  # an adapter on top of an adapter
        last = first.checkpoints / "ep1-ba2"
        second = make_run(tmp_path / "second", chats(8), held_out=HELD_OUT, custom_weights=last, training_duration="1ba")
        train(second)
        assert scores(second)[0] == pytest.approx(scores(first)[-1], abs=2e-5)


def test_four_bits_are_kept_where_they_belong() -> None:
    wide = tiny_model(hidden_size=256, intermediate_size=512)
    model = models.load(ModelSource(name="wide", path=wide, max_context_length=MAX_CONTEXT), wide, CPU)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    adapters.quantize(model, torch.float32)
    kinds = {name.rpartition(".")[2]: type(layer).__name__ for name, layer in model.named_modules()}
    assert kinds["q_proj"] == kinds["down_proj"] == "Linear4bit"
    assert kinds["lm_head"] == "Linear"
    assert model.model.layers[0].mlp.up_proj.weight.numel() == before["model.layers.0.mlp.up_proj.weight"].numel() // 2
    adapters.fold(model)
    for name, value in model.state_dict().items():
        step = 0.16 * before[name].abs().max()  # half the widest gap of NF4, whose ends are the largest of 64 weights
        assert float((value - before[name]).abs().max()) <= (step if "proj" in name else 0), name


def test_room_is_asked_for_the_whole_model_that_four_bits_become(finished: RunFolder) -> None:
    spec = finished.read_spec()
    model = METHODS[spec.hyperparameters.method].build(spec, CPU, None)
    told = models.finished_bytes(model, torch.float32)
    assert 1 < told / (finished.model / "model.safetensors").stat().st_size < 1.6, "and the adapter's own few"


@pytest.mark.parametrize(("targets", "adapted_layers"), [("attention", 8), ("q_proj, v_proj", 4), ("all-linear", 14)])
def test_layers_are_chosen_by_name(tmp_path: Path, targets: str, adapted_layers: int) -> None:
    folder = adapted(tmp_path, "lora", lora_targets=targets, training_duration="1ba")
    assert train(folder).outcome == Outcome.COMPLETED
    assert len(load_file(folder.adapter / "adapter_model.safetensors")) == 2 * adapted_layers


def test_layers_that_are_not_there_are_named(tmp_path: Path) -> None:
    end = train(adapted(tmp_path, "lora", lora_targets="q_proj, c_attn"))
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.MODEL)
    assert "c_attn" in end.message
    assert "q_proj" in end.message


def test_bf16_and_gradient_checkpointing_work_beside_frozen_weights(tmp_path: Path) -> None:
    folder = adapted(tmp_path, "qlora", precision="bf16", gradient_checkpointing=True, training_duration="10ba")
    assert train(folder).outcome == Outcome.COMPLETED
    assert losses(folder)[10] < 0.97 * losses(folder)[1]
    assert AutoModelForCausalLM.from_pretrained(folder.model).dtype == torch.bfloat16
    assert load_file(folder.adapter / "adapter_model.safetensors").popitem()[1].dtype == torch.float32
