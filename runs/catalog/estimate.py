"""Memory, disk, steps and time that a run will take, from the model's shape and the data's token counts. Pure arithmetic.

Follows the engine: float32 weights, rows packed into bins that go through the model one by one, logits in pieces.
"""

import math
import os
from dataclasses import dataclass

from runs.catalog.entries import Architecture
from runs.contract.duration import Duration, Unit
from runs.contract.spec import DEFAULT_CONTEXT_LENGTH, Hyperparameters

FLOAT, HALF, NF4 = 4, 2, 4.127 / 8  # bytes
GIB, MIB = 1 << 30, 1 << 20
PROCESS_BYTES = 300 * MIB  # 243 MiB measured once torch and transformers are imported; the rest for rows
ADAPTER_PROGRAM_BYTES = 120 * MIB  # PEFT and what it imports
LOGIT_BYTES = 3 * 64 * MIB  # a piece of logits, its gradient, and a copy under way
CPU_BIN_TOKENS = 1_024  # the engine's bin on CPU
CPU_FLOPS_PER_CORE = 6 * 134.5e6 * 160 / 2  # measured: SmolLM2-135M trains on 160 useful tokens a second on two cores


@dataclass(frozen=True)
class Estimate:
    """`seconds` is None where no speed is known. `formula` says in words where the memory goes."""

    memory_bytes: int
    disk_bytes: int
    tokens: int
    steps: int
    seconds: float | None
    formula: str


def estimate(
    architecture: Architecture,
    *,
    hyperparameters: Hyperparameters,
    device: str,
    rows: int,
    tokens: int,
    trained_tokens: int,
    tokens_per_second: float | None = None,
    longest: int = 0,
    cores: int | None = None,
) -> Estimate:
    """`rows`, `tokens` and `trained_tokens` are those of one epoch, `longest` the tokens of its longest row.

    `tokens_per_second` is a measured speed of this model on this device; without one, CPU time is scaled from FLOPs and a GPU's
    is unknown. `cores` are the CPU's, by default this machine's.
    """
    steps, seen = _length(hyperparameters, rows, tokens)
    a_bin = _bin_tokens(hyperparameters, device, rows, tokens, longest)
    memory, formula = _memory(architecture, hyperparameters, device, a_bin)
    speed = tokens_per_second or (_cpu_speed(architecture, cores or os.cpu_count() or 1) if device == "cpu" else None)
    useful = seen if trained_tokens else 0  # a data set without a trained token fails at once
    return Estimate(memory, _disk(architecture, hyperparameters), seen, steps, useful / speed if speed else None, formula)


def _length(settings: Hyperparameters, rows: int, tokens: int) -> tuple[int, int]:
    """Optimizer steps and useful tokens of the whole run. The last batch of an epoch may be smaller."""
    duration = Duration.parse(settings.training_duration)
    an_epoch = max(1, math.ceil(rows / settings.batch_size))
    match duration.unit:
        case Unit.EPOCHS:
            return duration.count * an_epoch, duration.count * tokens
        case Unit.BATCHES:
            return duration.count, round(duration.count * tokens / an_epoch)
        case Unit.TOKENS:
            return math.ceil(duration.count * an_epoch / max(1, tokens)), duration.count


def _bin_tokens(settings: Hyperparameters, device: str, rows: int, tokens: int, longest: int) -> int:
    """Tokens that are in memory at once: a full bin, what a step has if that is less, or one long row."""
    context = settings.context_length or DEFAULT_CONTEXT_LENGTH
    capacity = min(context, CPU_BIN_TOKENS) if device == "cpu" else context
    a_step = math.ceil(settings.batch_size * tokens / max(1, rows))
    return max(min(capacity, a_step), min(longest, context))


def _memory(shape: Architecture, settings: Hyperparameters, device: str, a_bin: int) -> tuple[int, str]:
    half = settings.precision == "bf16" or (settings.precision == "auto" and device == "cuda")
    moments = 2 if settings.optimizer == "adamw" else 1
    weights, trained = weight_bytes(shape, settings, half=half), FLOAT * trained_parameters(shape, settings)
    copy = HALF * shape.parameters if half and settings.method == "full" else 0
    activations = a_bin * activation_bytes(shape, half=half, checkpointing=settings.gradient_checkpointing)
    head = FLOAT * shape.vocab * shape.hidden if settings.method == "full" else 0
    logits = LOGIT_BYTES + head  # the output layer's gradient is summed up apart
    step = trained if settings.optimizer == "lion" else 0  # Lion's direction, when the activations are gone
    total = PROCESS_BYTES + weights + trained * (1 + moments) + copy + max(activations + logits, step)
    if settings.method != "full":
        total += ADAPTER_PROGRAM_BYTES + trained
    words = (
        f"{_gib(weights)} weights, {_gib(trained)} gradients, {_gib(moments * trained)} {settings.optimizer} state, "
        f"{_gib(activations)} activations of {a_bin:,} tokens at once, {_gib(logits)} logits, {_gib(PROCESS_BYTES)} program"
    )
    return total, words + (f", {_gib(copy)} bf16 copy of the weights" if copy else "")


def trained_parameters(shape: Architecture, settings: Hyperparameters) -> int:
    """Parameters that move: all, or two matrices of LoRA's rank beside each linear layer (as if it were all of them)."""
    if settings.method == "full":
        return shape.parameters
    queries, keys = shape.heads * shape.per_head, shape.kv_heads * shape.per_head
    attention = 2 * (shape.hidden + queries) + 2 * (shape.hidden + keys)
    feed_forward = (3 if shape.gated else 2) * (shape.hidden + shape.intermediate) * shape.experts
    return settings.lora_rank * shape.layers * (attention + feed_forward)


def weight_bytes(shape: Architecture, settings: Hyperparameters, *, half: bool) -> int:
    """The weights as they lie in memory. Frozen ones need no more digits than are computed with; QLoRA's layers 4 bits each.

    With scales that is 4.127 bits (Dettmers et al. 2023, section 3); embeddings and the output layer stay as they are.
    """
    frozen = HALF if half else FLOAT
    if settings.method == "full":
        return FLOAT * shape.parameters
    if settings.method == "lora":
        return frozen * shape.parameters
    ends = shape.vocab * shape.hidden * (1 if shape.tied else 2)
    return round(NF4 * (shape.parameters - ends)) + frozen * ends


def activation_bytes(shape: Architecture, *, half: bool, checkpointing: bool) -> int:
    """Bytes kept for the backward pass per token, by counting what each operation of a layer saves.

    The count follows Korthikanti et al. 2022, "Reducing Activation Recomputation in Large Transformer Models", section 4, for
    RMSNorm, rotary positions, grouped queries and SwiGLU, without attention scores, which fused attention does not keep.
    """
    queries, keys = shape.heads * shape.per_head, shape.kv_heads * shape.per_head
    norms = 6 * shape.hidden  # two norms: input, normalized, scaled; float32 in any precision
    matrices = 4 * queries + 4 * keys + (4 if shape.gated else 2) * shape.intermediate * shape.active_experts
    layer = FLOAT * norms + (HALF if half else FLOAT) * matrices
    ends = FLOAT * 4 * shape.hidden  # embedding, last norm
    return ends + (shape.layers * FLOAT * shape.hidden + layer if checkpointing else shape.layers * layer)


def _disk(shape: Architecture, settings: Hyperparameters) -> int:
    """Checkpoints, one more while a new one is written, and the finished model."""
    a_checkpoint = FLOAT * trained_parameters(shape, settings) * (3 if settings.optimizer == "adamw" else 2)
    return (settings.keep_checkpoints + 1) * a_checkpoint + FLOAT * shape.parameters


def _cpu_speed(shape: Architecture, cores: int) -> float:
    """Useful tokens a second; 6 FLOPs a parameter and token, forward and backward (Kaplan et al. 2020)."""
    return cores * CPU_FLOPS_PER_CORE / (6 * shape.active_parameters)


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / MIB:.0f} MiB"
