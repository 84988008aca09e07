"""What the parts of a run cost, guessed from FLOPs and bytes, in the form in which a probe says it. Pure arithmetic.

The constants were measured on two x86 cores with AVX-512; `FLOPS_PER_CORE` gives way to what was measured on the machine.
"""

from runs.catalog.entries import Architecture
from runs.catalog.work import Work
from runs.contract.probe import Cost, Probe
from runs.contract.spec import Hyperparameters

FLOAT, HALF = 4, 2  # bytes
FLOPS_PER_CORE = 96e9  # of a matrix product
TRAINED_SHARE = {"full": 0.8, "lora": 0.63, "qlora": 0.58}  # of that, what training was seen to reach: docs/speed.md
STREAM = 8e9  # bytes a second that the optimizer moves
DISK = 400e6  # bytes a second of a checkpoint: copying, digest, disk
BEGIN, ADAPTERS = 3.0, 3.0  # seconds until the engine has imported what it needs; more with adapters
TOKENIZED = 400e3  # tokens a second
ANSWER = 100  # tokens of an answer to a prompt, at most


def guess(
    shape: Architecture,
    settings: Hyperparameters,
    work: Work,
    *,
    trained: int,
    weights: int,
    speed: float | None,
    tokens_per_second: float | None,
    cores: int,
) -> Probe | None:
    """`speed` is in FLOPs a second, None where nobody knows; then `tokens_per_second` must. `trained` counts parameters."""
    if tokens_per_second:
        token = _on(cores, 1 / tokens_per_second)
    elif speed:
        token = _on(cores, flops(shape, settings, work) / (TRAINED_SHARE[settings.method] * speed))
    else:
        return None
    adapters = settings.method != "full"
    kept = FLOAT * trained * (3 if settings.optimizer == "adamw" else 2)
    looked = token * (work.held_out_tokens / 3)
    said = FLOAT * shape.active_parameters * ANSWER / STREAM if work.prompts else 0.0
    begin = BEGIN + ADAPTERS * adapters + weights / 1e9
    return Probe(
        steps=0,
        tokens_at_once=0,
        begin=Cost(clock=begin, cpu=begin),
        row=_on(1, max(work.read, work.tokens) / max(1, work.rows + work.held_out) / TOKENIZED),
        step=_on(cores, 9 * FLOAT * trained / STREAM) if not tokens_per_second else Cost(),
        token=token,
        evaluation=looked + _on(cores, said),
        checkpoint=_on(1, kept / DISK),
        finish=_on(1, FLOAT * shape.parameters / DISK),
        memory_bytes=0,
        spread=0.0,
        busy=1.0,
    )


def flops(shape: Architecture, settings: Hyperparameters, work: Work) -> float:
    """A useful token's, forwards and backwards.

    2 a parameter forwards and 4 backwards (Kaplan et al. 2020), of which frozen weights leave 2 out and gradient checkpointing
    adds 2 again; the output layer for trained tokens only, three times 2 where it moves; attention within a row of mean length.
    Of the last layer tokens that nobody learns from need keys and values alone.
    """
    head = shape.vocab * shape.hidden
    body = shape.active_parameters - head * (1 if shape.tied else 2)
    a_parameter = (6 if settings.method == "full" else 4) + (2 if settings.gradient_checkpointing else 0)
    length = work.tokens / max(1, work.blocks)
    attention = 2 * a_parameter * shape.layers * shape.heads * shape.per_head * length / 2
    ends = (6 if settings.method == "full" else 4) * head * work.trained / max(1, work.tokens)
    idle = _last_layer(shape) * (1 - min(1.0, work.trained / max(1.0, work.tokens * work.computed)))
    return (a_parameter * (body - idle) + attention) * work.computed + ends


def _last_layer(shape: Architecture) -> int:
    """Parameters of a layer's queries, output projection and MLP; of experts the engine spares none."""
    mlp = (3 if shape.gated else 2) * shape.hidden * shape.intermediate if shape.experts == 1 else 0
    return 2 * shape.hidden * shape.heads * shape.per_head + mlp


def _on(cores: int, seconds: float) -> Cost:
    """So many seconds of the clock, with all these cores at work."""
    return Cost(clock=seconds, cpu=seconds * cores)
