"""Memory, disk, steps and time that a run takes: from the model's shape and the data's token counts, or from a probe.

Follows the engine: float32 weights, rows packed into bins that go through the model one by one, logits in pieces. Arithmetic.
"""

import math
import os
from dataclasses import dataclass

from runs.catalog import costs
from runs.catalog.costs import FLOAT, HALF
from runs.catalog.entries import Architecture
from runs.catalog.work import Work
from runs.contract.duration import Duration, Unit
from runs.contract.probe import ROWS, Cost, Probe
from runs.contract.spec import DEFAULT_CONTEXT_LENGTH, Hyperparameters
from runs.data.packing import capacity

NF4 = 4.127 / 8  # bytes
GIB, MIB = 1 << 30, 1 << 20
PROCESS_BYTES = 320 * MIB  # 338 MiB measured of a run of next to nothing
ADAPTER_PROGRAM_BYTES = 105 * MIB  # PEFT and what it imports
LOGITS, LOGIT_BYTES = 3, 32 * MIB  # a piece of logits, its gradient, and a copy under way; bytes of a piece at most
ADAPTED = {"full": 1.0, "lora": 1.9, "qlora": 2.15}  # times the activations that were seen beside adapters: docs/speed.md
TOKEN_BYTES, ROW_BYTES = 5, 40  # of the data, which a run holds as flat arrays, and orders anew for each epoch
GUESSED_TIME, GUESSED_MEMORY = (0.6, 1.7), (0.85, 1.2)  # what calculations were seen to be off by: docs/speed.md
SEEN_MEMORY = (0.95, 1.05)  # probes, which are of the same steps


@dataclass(frozen=True)
class Estimate:
    """`seconds` is None where no speed is known. `formula` says in words where the memory goes.

    The ranges say how sure it is: what a probe's steps scattered by, or what calculations are usually off by.
    """

    memory_bytes: int
    disk_bytes: int
    tokens: int
    steps: int
    seconds: float | None
    formula: str
    cpu_seconds: float | None
    seconds_range: tuple[float, float] | None
    memory_range: tuple[int, int]


def estimate(
    architecture: Architecture,
    *,
    hyperparameters: Hyperparameters,
    device: str,
    work: Work,
    tokens_per_second: float | None = None,
    probe: Probe | None = None,
    flops: float = costs.FLOPS_PER_CORE,
    cores: int | None = None,
) -> Estimate:
    """`work` is what the rows are, in one epoch. `probe` is what real steps of these settings cost: then nothing is guessed.

    `tokens_per_second` is a measured speed of this model on this device; without one, CPU time is scaled from FLOPs (`flops` a
    core and second) and a GPU's is unknown. `cores` are the CPU's, by default this machine's.
    """
    cores = cores or os.cpu_count() or 1
    steps, seen = _length(hyperparameters, work)
    memory, formula = _memory(architecture, hyperparameters, device, work)
    if probe:
        memory = probe.memory_bytes + _data_bytes(work, device, probed=ROWS)
    told = probe or costs.guess(
        architecture,
        hyperparameters,
        work,
        trained=trained_parameters(architecture, hyperparameters),
        weights=weight_bytes(architecture, hyperparameters, half=_half(hyperparameters, device)),
        speed=flops * cores if device == "cpu" else None,
        tokens_per_second=tokens_per_second,
        cores=cores,
    )
    whole = _whole(told, hyperparameters, work) if told else None
    seconds = whole.clock if whole else None
    return Estimate(
        memory_bytes=memory,
        disk_bytes=_disk(architecture, hyperparameters, _intervals(hyperparameters, work, steps)),
        tokens=seen,
        steps=steps,
        seconds=seconds,
        formula=formula,
        cpu_seconds=whole.cpu if whole else None,
        seconds_range=_bounds(seconds, probe),
        memory_range=_around(memory, SEEN_MEMORY if probe else GUESSED_MEMORY),
    )


def _whole(told: Probe, settings: Hyperparameters, work: Work) -> Cost:
    if not work.trained:
        return Cost()  # a data set without a trained token fails at once
    steps, tokens = _length(settings, work)
    times = _intervals(settings, work, steps)
    looks = times + 1 if work.held_out or work.prompts else 0
    return told.whole(rows=work.rows + work.held_out, tokens=tokens, steps=steps, evaluations=looks, checkpoints=times)


def _bounds(seconds: float | None, probe: Probe | None) -> tuple[float, float] | None:
    if seconds is None:
        return None
    return probe.bounds(seconds) if probe else (seconds * GUESSED_TIME[0], seconds * GUESSED_TIME[1])


def _around(size: int, shares: tuple[float, float]) -> tuple[int, int]:
    return round(size * shares[0]), round(size * shares[1])


def _half(settings: Hyperparameters, device: str) -> bool:
    return settings.precision == "bf16" or (settings.precision == "auto" and device == "cuda")


def _length(settings: Hyperparameters, work: Work) -> tuple[int, int]:
    """Optimizer steps and useful tokens of the whole run. The last batch of an epoch may be smaller."""
    duration = Duration.parse(settings.training_duration)
    an_epoch = _epoch_steps(settings, work)
    match duration.unit:
        case Unit.EPOCHS:
            return duration.count * an_epoch, duration.count * work.tokens
        case Unit.BATCHES:
            return duration.count, round(duration.count * work.tokens / an_epoch)
        case Unit.TOKENS:
            return math.ceil(duration.count * an_epoch / max(1, work.tokens)), duration.count


def _epoch_steps(settings: Hyperparameters, work: Work) -> int:
    return max(1, math.ceil(work.blocks / settings.batch_size))


def _intervals(settings: Hyperparameters, work: Work, steps: int) -> int:
    """How often a checkpoint is kept and evaluation rows are scored, but for the beginning."""
    interval, an_epoch = Duration.parse(settings.eval_interval), _epoch_steps(settings, work)
    match interval.unit:
        case Unit.EPOCHS:
            length: float = interval.count * an_epoch
        case Unit.BATCHES:
            length = interval.count
        case _:
            length = interval.count * an_epoch / max(1, work.tokens)
    return max(1, math.ceil(steps / max(1.0, length)))


def _data_bytes(work: Work, device: str, *, probed: int = 0) -> int:
    """Of the rows, but for `probed` of each file, in the memory that is counted: beside a GPU they lie in another."""
    if device == "cuda":
        return 0
    files = ((work.rows, work.tokens), (work.held_out, work.held_out_tokens))
    return round(sum((TOKEN_BYTES * tokens + ROW_BYTES * rows) * max(0.0, 1 - probed / max(1, rows)) for rows, tokens in files))


def _bin_tokens(settings: Hyperparameters, device: str, work: Work) -> int:
    """Tokens that are in memory at once: a full bin, what a step has if that is less, or one long row."""
    context = settings.context_length or DEFAULT_CONTEXT_LENGTH
    a_step = math.ceil(settings.batch_size * work.computed * work.tokens / max(1, work.blocks))
    return max(min(capacity(context, device), a_step), min(work.longest, context))


def _memory(shape: Architecture, settings: Hyperparameters, device: str, work: Work) -> tuple[int, str]:
    half, a_bin = _half(settings, device), _bin_tokens(settings, device, work)
    moments = 2 if settings.optimizer == "adamw" else 1
    weights, trained = weight_bytes(shape, settings, half=half), FLOAT * trained_parameters(shape, settings)
    copy = HALF * shape.parameters if half and device == "cuda" and settings.method == "full" else 0  # autocast keeps it
    activations = round(ADAPTED[settings.method] * a_bin) * activation_bytes(
        shape, half=half, checkpointing=settings.gradient_checkpointing
    )
    projected = a_bin * work.trained / max(1, work.tokens)
    head = FLOAT * shape.vocab * shape.hidden if settings.method == "full" else 0  # so much more was seen where it is trained
    logits = LOGITS * min(LOGIT_BYTES, round(FLOAT * shape.vocab * projected)) + head
    step = trained if settings.optimizer == "lion" else 0  # Lion's direction, when the activations are gone
    data = _data_bytes(work, device)
    total = PROCESS_BYTES + data + weights + trained * (1 + moments) + copy + max(activations + logits, step)
    if settings.method != "full":
        total += ADAPTER_PROGRAM_BYTES + trained
    words = (
        f"{_gib(weights)} weights, {_gib(trained)} gradients, {_gib(moments * trained)} {settings.optimizer} state, "
        f"{_gib(activations)} activations of {a_bin:,} tokens at once, {_gib(logits)} logits, {_gib(PROCESS_BYTES + data)} "
        "program and data"
    )
    whole = (HALF if half else FLOAT) * shape.parameters
    if (
        settings.method == "qlora"
        and (ends := PROCESS_BYTES + ADAPTER_PROGRAM_BYTES + data + whole + trained * (1 + moments)) > total
    ):
        return ends, f"{words}; at the beginning and the end all weights as they were, {_gib(whole)}, which is more"
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


def _disk(shape: Architecture, settings: Hyperparameters, times: int) -> int:
    """Checkpoints, of which `times` are made, and the finished model."""
    a_checkpoint = FLOAT * trained_parameters(shape, settings) * (3 if settings.optimizer == "adamw" else 2)
    return settings.most_checkpoints(times) * a_checkpoint + FLOAT * shape.parameters


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / MIB:.0f} MiB"
