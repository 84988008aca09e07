"""Whole runs on a tiny model: what they say, what they leave behind, and how they refuse."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from runs.contract.events import (
    Checkpoint,
    CheckpointDeleted,
    Evaluation,
    EventType,
    Milestone,
    Outcome,
    Phase,
    Plan,
    Progress,
    Sample,
    Step,
)
from runs.contract.folder import RunFolder
from runs.contract.spec import TaskType
from runs.engine import checkpoints
from tests.engine.folders import chats, instructions, lines, losses, make_run, texts, train
from tests.tiny import tiny_model

ROWS = {
    TaskType.CHAT_COMPLETION: chats(20),
    TaskType.INSTRUCTION_FINETUNE: instructions(20),
    TaskType.CONTINUED_PRETRAIN: texts(40),
}


@pytest.mark.parametrize("task", TaskType)
def test_every_task_learns_and_leaves_a_model_that_anyone_can_load(tmp_path: Path, task: TaskType) -> None:
    folder = make_run(tmp_path, ROWS[task], task=task, training_duration="30ba", prompts=("Which team?",))
    assert train(folder).outcome == Outcome.COMPLETED
    found = losses(folder)
    assert list(found) == list(range(1, 31))
    assert found[30] < 0.8 * found[1]
    model = AutoModelForCausalLM.from_pretrained(folder.model)
    tokenizer = AutoTokenizer.from_pretrained(folder.model)
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Which team?"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    assert model.generate(**ids, max_new_tokens=3).shape[1] > ids["input_ids"].shape[1]
    assert model.config.use_cache
    assert model.dtype == torch.float32


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Three epochs of 20 rows, 5 steps each, with everything switched on."""
    folder = make_run(
        tmp_path_factory.mktemp("run"), chats(20), held_out=chats(6, start=100), prompts=("Which team?", "Hello."),
        training_duration="3ep", eval_interval="1ep", keep_checkpoints=2,
    )  # fmt: skip
    assert train(folder).outcome == Outcome.COMPLETED
    return folder


def test_the_timeline_is_in_order(finished: RunFolder) -> None:
    types = [line.type for line in lines(finished) if isinstance(line, Milestone)]
    assert types == [EventType.DATA_VALIDATED, EventType.MODEL_INITIALIZED, EventType.TRAIN_STARTED, EventType.TRAIN_FINISHED]


def test_the_plan_comes_true(finished: RunFolder) -> None:
    (plan,) = [line for line in lines(finished) if isinstance(line, Plan)]
    steps = [line for line in lines(finished) if isinstance(line, Step)]
    assert (plan.total_steps, plan.steps_per_epoch, plan.rows) == (15, 5, 20)
    assert [step.step for step in steps] == list(range(1, 16))
    assert steps[-1].tokens == plan.total_tokens
    assert steps[-1].epoch == 3.0
    assert plan.trainable_parameters == sum(
        param.numel() for param in AutoModelForCausalLM.from_pretrained(finished.model).parameters()
    )


def test_steps_say_true_numbers(finished: RunFolder) -> None:
    steps = [line for line in lines(finished) if isinstance(line, Step)]
    assert all(step.tokens_per_second > 0 and step.memory_bytes > 10**7 and step.gradient_norm > 0 for step in steps)
    assert all(step.padding_share == 0 for step in steps)
    assert steps[-1].seconds_left > 0, "the last evaluation is to come"
    assert [step.learning_rate for step in steps] == sorted((step.learning_rate for step in steps), reverse=True)


def test_base_and_each_interval_are_scored_and_answered(finished: RunFolder) -> None:
    scores = [line for line in lines(finished) if isinstance(line, Evaluation)]
    assert [score.step for score in scores] == [0, 5, 10, 15]
    assert scores[-1].loss < scores[0].loss
    assert scores[-1].token_accuracy > scores[0].token_accuracy
    assert all(score.perplexity == pytest.approx(np.exp(score.loss)) for score in scores)
    samples = [line for line in lines(finished) if isinstance(line, Sample)]
    assert [(sample.step, sample.index) for sample in samples] == [(step, index) for step in (0, 5, 10, 15) for index in (0, 1)]


def test_the_last_answer_is_what_the_finished_model_says(finished: RunFolder) -> None:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(finished.model), AutoTokenizer.from_pretrained(finished.model)
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hello."}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    answer = model.generate(**ids, do_sample=False, max_new_tokens=100)[0, ids["input_ids"].shape[1] :]
    last = [line for line in lines(finished) if isinstance(line, Sample)][-1]
    assert last.answer == tokenizer.decode(answer, skip_special_tokens=True).strip()


def test_evaluation_is_the_loss_of_transformers(finished: RunFolder) -> None:
    """Token-weighted over all rows, as one padded-free pass of the finished model over each row gives it."""
    from runs.data.rendering import Renderer

    model, renderer = AutoModelForCausalLM.from_pretrained(finished.model), Renderer.load(finished.model)
    total, targets = 0.0, 0
    for row in chats(6, start=100):
        encoded = renderer.encode(row, TaskType.CHAT_COMPLETION)
        labels = torch.tensor([[i if t else -100 for i, t in zip(encoded.ids, encoded.trained, strict=True)]])
        with torch.no_grad():
            loss = model(torch.tensor([encoded.ids]), labels=labels).loss
        total, targets = total + float(loss) * sum(encoded.trained), targets + sum(encoded.trained)
    last = [line for line in lines(finished) if isinstance(line, Evaluation)][-1]
    assert last.loss == pytest.approx(total / targets, abs=1e-5)


def test_checkpoints_are_kept_announced_and_let_go(finished: RunFolder) -> None:
    said = lines(finished)
    assert [line.name for line in said if isinstance(line, Checkpoint)] == ["ep1-ba5", "ep2-ba10", "ep3-ba15"]
    assert [line.name for line in said if isinstance(line, CheckpointDeleted)] == ["ep1-ba5"]
    assert sorted(path.name for path in finished.checkpoints.iterdir()) == ["ep2-ba10", "ep3-ba15"]
    for line in said:
        if isinstance(line, Checkpoint) and line.name != "ep1-ba5":
            stored = checkpoints.read(finished.checkpoints / line.name)
            assert (stored.digest, stored.bytes, stored.state.step) == (line.digest, line.bytes, line.step)


def test_a_checkpoint_is_a_model(finished: RunFolder) -> None:
    last = AutoModelForCausalLM.from_pretrained(finished.checkpoints / "ep3-ba15").state_dict()
    model = AutoModelForCausalLM.from_pretrained(finished.model).state_dict()
    assert all(torch.equal(last[name], model[name]) for name in model)
    AutoTokenizer.from_pretrained(finished.checkpoints / "ep3-ba15")


def test_work_before_training_is_counted(finished: RunFolder) -> None:
    phases = [line.phase for line in lines(finished) if isinstance(line, Progress)]
    assert phases[0] == Phase.DATA
    assert {Phase.DATA, Phase.MODEL, Phase.EVALUATION} == set(phases)


def test_training_is_what_a_plain_loop_does(tmp_path: Path) -> None:
    """The same rows, padded, with transformers' own loss and torch's own optimizer: the same losses to 1e-5."""
    from runs.data.packing import batch
    from runs.data.rendering import Renderer

    folder = make_run(tmp_path, chats(12), training_duration="6ba", schedule="constant", warmup_share=0, learning_rate=1e-3)
    train(folder)
    renderer, model = Renderer.load(tiny_model()), AutoModelForCausalLM.from_pretrained(tiny_model())
    plain = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0)
    for step, loss in losses(folder).items():
        rows = [renderer.encode(chats(12)[row], TaskType.CHAT_COMPLETION) for row in batch(step - 1, 12, 4, 17)]
        pad = max(len(row.ids) for row in rows)
        ids = torch.tensor([row.ids + [0] * (pad - len(row.ids)) for row in rows])
        mask = torch.tensor([[1] * len(row.ids) + [0] * (pad - len(row.ids)) for row in rows])
        trained = torch.tensor([row.trained + [False] * (pad - len(row.ids)) for row in rows])
        theirs = model(ids, attention_mask=mask, labels=ids.where(trained, -100)).loss
        theirs.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        plain.step()
        plain.zero_grad()
        assert loss == pytest.approx(float(theirs.detach()), abs=1e-5)


def test_gradient_checkpointing_changes_memory_and_not_the_losses(tmp_path: Path) -> None:
    plain, saving = make_run(tmp_path / "a", chats(8)), make_run(tmp_path / "b", chats(8), gradient_checkpointing=True)
    assert train(plain).outcome == train(saving).outcome == Outcome.COMPLETED
    assert losses(plain) == pytest.approx(losses(saving), abs=1e-6)


def test_bf16_trains_and_saves_bf16(tmp_path: Path) -> None:
    folder = make_run(tmp_path, chats(8), precision="bf16", training_duration="20ba")
    assert train(folder).outcome == Outcome.COMPLETED
    assert losses(folder)[20] < losses(folder)[1]
    assert AutoModelForCausalLM.from_pretrained(folder.model).dtype == torch.bfloat16


def test_a_run_starts_from_the_weights_of_an_earlier_one(tmp_path: Path, finished: RunFolder) -> None:
    last = [line for line in lines(finished) if isinstance(line, Evaluation)][-1]
    for weights in (finished.model, finished.checkpoints / "ep3-ba15"):
        folder = make_run(
            tmp_path / weights.name, chats(8), held_out=chats(6, start=100), custom_weights=weights, training_duration="1ba"
        )
        assert train(folder).outcome == Outcome.COMPLETED
        first = next(line for line in lines(folder) if isinstance(line, Evaluation))
        assert (first.step, first.loss) == (0, pytest.approx(last.loss, abs=1e-6))


def test_lion_trains_and_remembers_once(tmp_path: Path) -> None:
    folder = make_run(tmp_path, chats(8), optimizer="lion", learning_rate=1e-3, training_duration="20ba")
    assert train(folder).outcome == Outcome.COMPLETED
    assert losses(folder)[20] < losses(folder)[1]
    kept = load_file(next(folder.checkpoints.glob("*-ba20")) / "optimizer.safetensors")
    assert {name.partition("/")[0] for name in kept} == {"exp_avg"}


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that learns eight rows by heart until the others suffer, and stops."""
    folder = make_run(
        tmp_path_factory.mktemp("overfitted"), chats(8), held_out=texts_as_chats(6),
        training_duration="90ba", eval_interval="3ba", learning_rate=0.02,
        schedule="constant", early_stopping_patience=3, keep_policy="best", keep_checkpoints=1,
    )  # fmt: skip
    assert train(folder).outcome == Outcome.COMPLETED
    return folder


def texts_as_chats(count: int) -> list[dict[str, object]]:
    """Answers of another kind than those that are trained on."""
    rows = chats(count, start=300)
    return [
        {"messages": [row["messages"][0], {"role": "assistant", "content": "It rains, and the network is down."}]}
        for row in rows
    ]


def test_a_run_stops_when_the_evaluation_loss_has_not_fallen_for_a_while(overfitted: RunFolder) -> None:
    found = [line.loss for line in lines(overfitted) if isinstance(line, Evaluation)]
    best = found.index(min(found))
    assert best == len(found) - 1 - 3
    assert len(losses(overfitted)) == 3 * (len(found) - 1) < 90
    (last,) = [line for line in lines(overfitted) if isinstance(line, Milestone) and line.type == EventType.TRAIN_FINISHED]
    assert f"the evaluation loss was lowest at batch {3 * best}" in last.message


def test_the_best_checkpoint_is_kept_and_is_the_finished_model(overfitted: RunFolder) -> None:
    found = {line.step: line.loss for line in lines(overfitted) if isinstance(line, Evaluation) and line.step}
    best = min(found, key=lambda step: (found[step], step))
    kept = sorted(checkpoints.step_of(path) for path in overfitted.checkpoints.iterdir())
    assert kept == sorted({best, max(found)}), "and the last, to go on from"
    path = next(overfitted.checkpoints.glob(f"*-ba{best}"))
    chosen, model = load_file(path / "model.safetensors"), load_file(overfitted.model / "model.safetensors")
    assert all(np.array_equal(chosen[name], model[name]) for name in model)


def test_activations_are_really_computed_twice_with_gradient_checkpointing(tmp_path: Path) -> None:
    from transformers.models.llama.modeling_llama import LlamaMLP

    calls: dict[bool, int] = {}
    for saving in (False, True):
        count = 0

        def counted(*_: object) -> None:
            nonlocal count
            count += 1

        handle = torch.nn.modules.module.register_module_forward_pre_hook(
            lambda module, _inputs: counted() if isinstance(module, LlamaMLP) and torch.is_grad_enabled() else None
        )
        train(make_run(tmp_path / str(saving), chats(8), gradient_checkpointing=saving, training_duration="2ba"))
        handle.remove()
        calls[saving] = count
    assert calls[True] == 2 * calls[False] > 0
