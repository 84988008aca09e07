"""Estimates: arithmetic that a person can check, and the orderings that must hold for any model."""

import pytest

from runs.catalog.entries import Architecture, load_models
from runs.catalog.estimate import CPU_BIN_TOKENS, Estimate, activation_bytes, estimate
from runs.contract.spec import Hyperparameters

SMOLLM = load_models()[0].architecture
LARGE = next(entry for entry in load_models() if entry.name.endswith("70B-Instruct")).architecture
MEASURED_ACTIVATIONS = 1_342_772  # bytes a token that autograd saved for SmolLM2-135M in float32, 512 tokens in one row


def need(
    shape: Architecture = SMOLLM, *, device: str = "cpu", rows: int = 100, tokens: int = 10_000, **settings: object
) -> Estimate:
    chosen = Hyperparameters.model_validate({"context_length": 1_024, **settings})
    return estimate(shape, hyperparameters=chosen, device=device, rows=rows, tokens=tokens, trained_tokens=tokens // 4, cores=2)


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


def test_one_long_row_needs_a_bin_of_its_own() -> None:
    settings = Hyperparameters(context_length=8_192)
    facts = {"hyperparameters": settings, "device": "cpu", "rows": 100, "tokens": 10_000, "trained_tokens": 10_000}
    assert estimate(SMOLLM, **facts, longest=6_000).memory_bytes > estimate(SMOLLM, **facts).memory_bytes
    assert estimate(SMOLLM, **facts, longest=90_000) == estimate(SMOLLM, **facts, longest=8_192), "it would be truncated"


def test_checkpointing_and_half_precision_save_memory_for_a_large_model_at_a_long_context() -> None:
    long = {"device": "cuda", "context_length": 65_536, "rows": 100, "tokens": 10_000_000}
    plain = need(LARGE, precision="fp32", **long).memory_bytes
    half = need(LARGE, precision="bf16", **long).memory_bytes
    checkpointed = need(LARGE, precision="bf16", gradient_checkpointing=True, **long).memory_bytes
    assert plain > half > checkpointed


def test_time_on_a_cpu_is_scaled_from_the_measured_model_and_a_gpus_is_not_guessed() -> None:
    assert need(tokens=16_000).seconds == pytest.approx(100, rel=0.01), "160 useful tokens a second on two cores"
    assert need(LARGE, tokens=16_000).seconds == pytest.approx(100 * LARGE.parameters / SMOLLM.parameters, rel=0.01)
    assert need(device="cuda").seconds is None


def test_a_measured_speed_is_believed() -> None:
    facts = {"hyperparameters": Hyperparameters(context_length=512), "rows": 10, "tokens": 5_000, "trained_tokens": 900}
    assert estimate(SMOLLM, **facts, device="cuda", tokens_per_second=2_500.0).seconds == 2


def test_an_empty_data_set_is_no_division_by_zero() -> None:
    assert need(rows=0, tokens=0).tokens == 0
    assert need(rows=0, tokens=0, training_duration="10tok").steps >= 1


def test_disk_grows_with_the_checkpoints_kept() -> None:
    assert need(keep_checkpoints=3).disk_bytes - need(keep_checkpoints=2).disk_bytes == 12 * SMOLLM.parameters


def test_the_formula_says_where_the_memory_goes() -> None:
    words = need(tokens=100_000).formula
    for part in ("513 MiB weights", "1.0 GiB adamw state", "activations of 1,024 tokens", "logits"):
        assert part in words
