"""Estimates: arithmetic that a person can check, and the orderings that must hold for any model."""

import pytest

from runs.catalog.costs import flops
from runs.catalog.entries import Architecture, load_models
from runs.catalog.estimate import Estimate, activation_bytes, estimate
from runs.catalog.work import Work
from runs.contract.probe import Cost, Probe
from runs.contract.spec import Hyperparameters, TaskType
from runs.data.packing import CPU_BIN_TOKENS
from runs.data.profile import Profile

SMOLLM = load_models()[0].architecture
LARGE = next(entry for entry in load_models() if entry.name.endswith("70B-Instruct")).architecture
MEASURED_ACTIVATIONS = 1_342_772  # bytes a token that autograd saved for SmolLM2-135M in float32, 512 tokens in one row


def need(
    shape: Architecture = SMOLLM, *, device: str = "cpu", rows: int = 100, tokens: int = 10_000, **settings: object
) -> Estimate:
    chosen = Hyperparameters.model_validate({"context_length": 1_024, **settings})
    work = Work(rows=rows, tokens=tokens, trained=tokens // 4, blocks=rows)
    return estimate(shape, hyperparameters=chosen, device=device, work=work, cores=2)


@pytest.mark.parametrize(
    ("duration", "steps", "tokens"), [("1ep", 13, 10_000), ("3ep", 39, 30_000), ("26ba", 26, 20_000), ("5_000tok", 7, 5_000)]
)
def test_steps_and_tokens_follow_from_the_duration(duration: str, steps: int, tokens: int) -> None:
    it = need(training_duration=duration)
    assert (it.steps, it.tokens) == (steps, tokens)


def test_weights_gradients_and_moments_are_sixteen_bytes_a_parameter_with_adamw() -> None:
    with_adamw, with_lion = need(), need(optimizer="lion")
    assert with_adamw.memory_bytes > 16 * SMOLLM.parameters
    assert with_adamw.memory_bytes - with_lion.memory_bytes <= 4 * SMOLLM.parameters
    assert with_lion.disk_bytes < with_adamw.disk_bytes


def test_activations_agree_with_what_autograd_was_seen_to_keep() -> None:
    guess = activation_bytes(SMOLLM, half=False, checkpointing=False)
    assert MEASURED_ACTIVATIONS <= guess < 1.25 * MEASURED_ACTIVATIONS, "rather a little too much than too little"


def test_memory_depends_on_what_is_in_a_bin_and_not_on_the_batch() -> None:
    rows = {"rows": 1_000, "tokens": 1_000_000}
    assert need(batch_size=8, **rows).memory_bytes == need(batch_size=64, **rows).memory_bytes
    assert need(context_length=1_024, **rows).memory_bytes > need(context_length=256, **rows).memory_bytes
    at_most = need(context_length=8_192, batch_size=64, **rows).memory_bytes
    assert at_most == need(context_length=CPU_BIN_TOKENS, batch_size=64, **rows).memory_bytes
    assert need(rows=10, tokens=100).memory_bytes < need(**rows).memory_bytes, "a few short rows never fill a bin"


def test_data_count_where_they_lie_in_the_same_memory() -> None:
    few, many = {"rows": 20_000, "tokens": 2_000_000}, {"rows": 200_000, "tokens": 20_000_000}
    assert need(**many).memory_bytes - need(**few).memory_bytes == 5 * 18_000_000 + 40 * 180_000
    assert need(device="cuda", **many).memory_bytes == need(device="cuda", **few).memory_bytes


def test_one_long_row_needs_a_bin_of_its_own() -> None:
    settings = Hyperparameters(context_length=8_192)
    short, long, longer = (
        Work(rows=100, tokens=10_000, trained=10_000, blocks=100, longest=most) for most in (0, 8_192, 90_000)
    )
    it, other, cut = (estimate(SMOLLM, hyperparameters=settings, device="cpu", work=work) for work in (short, long, longer))
    assert other.memory_bytes > it.memory_bytes
    assert cut == other, "it would be truncated"


def test_checkpointing_and_half_precision_save_memory_for_a_large_model_at_a_long_context() -> None:
    long = {"device": "cuda", "context_length": 65_536, "rows": 100, "tokens": 10_000_000}
    plain = need(LARGE, precision="fp32", **long).memory_bytes
    half = need(LARGE, precision="bf16", **long).memory_bytes
    checkpointed = need(LARGE, precision="bf16", gradient_checkpointing=True, **long).memory_bytes
    assert plain > half > checkpointed


def test_time_on_a_cpu_goes_with_the_models_size_and_a_gpus_is_not_guessed() -> None:
    small, large = need(tokens=160_000).seconds, need(LARGE, tokens=160_000).seconds
    assert small
    assert large
    assert large / small == pytest.approx(LARGE.parameters / SMOLLM.parameters, rel=0.3), (
        "the output layer for trained tokens only"
    )
    assert need(device="cuda").seconds is None


def test_what_is_frozen_and_what_rows_have_in_common_takes_less_time() -> None:
    work = Work(rows=100, tokens=10_000, trained=2_500, blocks=100)
    alike = Work(rows=100, tokens=10_000, trained=2_500, blocks=100, beginning=50.0, bin_rows=8.0)
    full, lora = Hyperparameters(), Hyperparameters(method="lora")
    assert alike.computed == pytest.approx(1 - 50 * (7 / 8) / 100 - 1 / 100), "and of each row the last target is left out"
    assert flops(SMOLLM, full, alike) < 0.7 * flops(SMOLLM, full, work)
    assert flops(SMOLLM, lora, work) == pytest.approx(2 / 3 * flops(SMOLLM, full, work))


def test_every_part_of_a_run_takes_time() -> None:
    plain = need().seconds
    assert plain
    assert (need(eval_interval="1ba").seconds or 0) > plain, "more checkpoints"
    held_out = Work(rows=100, tokens=10_000, trained=2_500, blocks=100, held_out=50, held_out_tokens=5_000, prompts=3)
    looked = estimate(SMOLLM, hyperparameters=Hyperparameters(context_length=1_024), device="cpu", work=held_out, cores=2)
    assert (looked.seconds or 0) > plain
    low, high = looked.seconds_range or (0, 0)
    assert low < (looked.seconds or 0) < high


def test_texts_are_counted_as_the_blocks_that_training_makes_of_them() -> None:
    found = Profile(context_length=512, rows=1_000, tokens=51_200, seen_tokens=51_200, seen_trained=51_200, longest=90)
    work = Work.of(found, TaskType.CONTINUED_PRETRAIN)
    it = estimate(SMOLLM, hyperparameters=Hyperparameters(context_length=512, batch_size=10), device="cpu", work=work)
    assert (work.blocks, it.steps) == (100, 10)
    assert "activations of 1,024 tokens" not in it.formula


def test_the_finished_model_of_qlora_is_whole_in_memory() -> None:
    ends = need(LARGE, method="qlora")
    assert ends.memory_bytes > 4 * LARGE.parameters
    assert "at the beginning and the end all weights as they were" in ends.formula


def test_what_was_measured_is_told_instead() -> None:
    one = Cost(clock=1.0, cpu=2.0)
    probe = Probe(
        steps=3, tokens_at_once=64, begin=one, row=Cost(), step=Cost(), token=one * 0.01, evaluation=one, checkpoint=one,
        finish=one, memory_bytes=123_000_000, spread=0.0, busy=0.5,
    )  # fmt: skip
    work = Work(rows=100, tokens=10_000, trained=2_500, blocks=100)
    it = estimate(SMOLLM, hyperparameters=Hyperparameters(), device="cuda", work=work, probe=probe)
    assert (it.seconds, it.cpu_seconds, it.memory_bytes) == (103.0, 206.0, 123_000_000)
    assert it.seconds_range == pytest.approx((103 * 0.95 * 0.5, 103 * 1.05)), "half of the machine was somebody else's"


def test_a_measured_speed_is_believed() -> None:
    rows = Work(rows=10, tokens=5_000, trained=900, blocks=10), Work(rows=10, tokens=10_000, trained=900, blocks=10)
    settings = Hyperparameters(context_length=512)
    short, long = (
        estimate(SMOLLM, hyperparameters=settings, device="cuda", work=work, tokens_per_second=2_500.0).seconds for work in rows
    )
    assert (long or 0) - (short or 0) == pytest.approx(2, rel=0.01)


def test_an_empty_data_set_is_no_division_by_zero() -> None:
    assert need(rows=0, tokens=0).tokens == 0
    assert need(rows=0, tokens=0, training_duration="10tok").steps >= 1


def test_disk_grows_with_the_checkpoints_kept() -> None:
    often = {"eval_interval": "1ba"}
    assert need(keep_checkpoints=3, **often).disk_bytes - need(keep_checkpoints=2, **often).disk_bytes == 12 * SMOLLM.parameters
    assert need(keep_checkpoints=3).disk_bytes == need(keep_checkpoints=2).disk_bytes, "one epoch has one checkpoint"


def test_the_formula_says_where_the_memory_goes() -> None:
    words = need(tokens=100_000).formula
    for part in ("513 MiB weights", "1.0 GiB adamw state", "activations of 1,024 tokens", "logits"):
        assert part in words
