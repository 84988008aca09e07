"""Optimizer steps: the rows of a step go through the model bin by bin, the loss is weighted by tokens over the whole step."""

import base64
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import PreTrainedModel

from runs.contract.events import Fault
from runs.contract.spec import RunSpec, TaskType
from runs.data.packing import Rows, batch, capacity
from runs.engine import layers, models, optimizer
from runs.engine.batches import pack
from runs.engine.bins import Bin
from runs.engine.checkpoints import State
from runs.engine.duration import Timetable
from runs.engine.examples import Examples
from runs.engine.failure import Failure, is_out_of_memory
from runs.engine.gauges import free_memory
from runs.engine.last import LastLayer
from runs.engine.loss import cross_entropy
from runs.engine.precision import precision
from runs.engine.utilization import Arithmetic
from runs.engine.wishes import Wishes

log = logging.getLogger(__name__)
NAMED = 32  # rows of a batch that are listed one by one


@dataclass(frozen=True)
class Taken:
    """One optimizer step that was taken. `loss` is the mean over its trained tokens, in nats.

    `note`: what had to be changed to take it, for the run's timeline.
    """

    loss: float
    learning_rate: float
    gradient_norm: float
    rows: int
    data_seconds: float  # spent on putting the rows together
    token_accuracy: float  # share of the trained tokens that were the most likely ones
    flops: int  # of the model, forwards and backwards
    note: str = ""


@dataclass
class Training:
    """A model, its optimizer, and how far they are. `step` and `tokens` count what is done."""

    spec: RunSpec
    model: PreTrainedModel
    parameters: optimizer.Named
    examples: Examples
    timetable: Timetable
    device: torch.device
    wishes: Wishes
    step: int = 0
    tokens: int = 0
    last_loss: float | None = None
    before_update: Callable[[], object] = lambda: None  # called before each step's optimizer changes the weights
    evaluations: dict[int, float] = field(default_factory=dict)  # loss by step, of this run and of it before an interruption
    optimizer: torch.optim.Optimizer = field(init=False)
    capacity: int = field(init=False)  # tokens of a bin at most; halved when the memory was not enough
    halved_by_others: int = 0  # how often: whoever started this process had it killed by the kernel
    random_cpu: torch.Tensor = field(init=False)
    random_cuda: torch.Tensor | None = field(init=False)

    def __post_init__(self) -> None:
        self.capacity = capacity(self.spec.context_length, self.device.type)
        self.optimizer = optimizer.build(self.parameters, self.spec.hyperparameters)
        self.weight = models.projection(self.model)
        self.last = LastLayer(self.model)
        self.arithmetic = Arithmetic(self.model, self.last)
        if self.device.type == "cpu":
            layers.install(self.model)
        models.between_layers(self.model, self.wishes.check_interrupted)
        self._note_chance()

    def advance(self) -> Taken:
        """Take the next step. Raises Failure(DIVERGED), and Leave in mid-step at a SIGTERM: then no weight has moved."""
        settings = self.spec.hyperparameters
        rows = batch(self.step, len(self.examples), settings.batch_size, settings.seed)
        loss, note = self._accumulate(rows)
        norm = optimizer.clip(self.parameters.values(), settings.gradient_clip)
        self._refuse_nonsense(loss, norm, rows)
        learning_rate = optimizer.rate(self.step + 1, self.timetable.total_steps, settings)
        optimizer.set_rate(self.optimizer, learning_rate)
        self.before_update()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        self.tokens += int(self.examples.lengths[rows].sum())
        self.last_loss = loss
        self._note_chance()
        return Taken(loss, learning_rate, norm, len(rows), self.data_seconds, self.token_accuracy, self.flops, note)

    def _accumulate(self, rows: Rows) -> tuple[float, str]:
        """Gradients of all rows. Where the memory is not enough the step begins again with half as many tokens at a time."""
        asked = self.capacity
        while (loss := self._try(rows)) is None:
            self.optimizer.zero_grad()
            self._forget_chance()
            self.halve()
        return loss, self.halved(asked, f"from batch {self.step + 1:,} on")

    def halve(self) -> None:
        """Half as many tokens at a time from now on, because the memory was not enough."""
        free_memory(self.device)
        self.capacity //= 2
        log.warning("out of memory after batch %d: %d tokens at a time from now on", self.step, self.capacity)

    def halve_from_outside(self, times: int) -> None:
        """Bins of which a whole step was one are no smaller for a smaller bound, so half of what a step has counts."""
        if times > self.halved_by_others:
            largest = int(np.sort(self.examples.lengths)[-self.spec.hyperparameters.batch_size :].sum())
            self.capacity = max(1, min(self.capacity, largest) >> (times - self.halved_by_others))
            self.halved_by_others = times

    def halved(self, asked: int, since: str) -> str:
        """What happened to the `asked` tokens at a time, for the timeline; nothing if nothing did."""
        if self.capacity == asked:
            return ""
        return (
            f"The memory was not enough for {asked:,} tokens at a time: {since} it is "
            f"{self.capacity:,}. The batch size is what it was, and no step was lost. "
            "A shorter context length or gradient checkpointing leaves more room."
        )

    def _try(self, rows: Rows) -> float | None:
        """None when the memory was not enough and smaller bins are possible."""
        began = time.perf_counter()
        bins = list(pack(self.examples, rows, self.capacity))
        self.data_seconds = time.perf_counter() - began
        try:
            return self._backward_all(bins, int(self.examples.trained_lengths[rows].sum()))
        except (MemoryError, RuntimeError) as error:
            longest = int(self.examples.lengths[rows].max())
            if not is_out_of_memory(error) or min(self.capacity, sum(packed.ids.numel() for packed in bins)) <= longest:
                raise
            return None

    def _backward_all(self, bins: list[Bin], targets: int) -> float:
        self.model.train()
        self.right = torch.zeros((), dtype=torch.int64, device=self.device)
        losses = [self._backward(packed.to(self.device), 1 / targets) for packed in bins]
        self.token_accuracy = float(self.right) / targets
        self.flops = sum(self.arithmetic.of(packed) for packed in bins)
        return float(torch.stack(losses).sum())

    def _backward(self, packed: Bin, scale: float) -> torch.Tensor:
        with self.last.reading(packed):
            with precision(self.spec, self.device):
                hidden = models.hidden_states(self.model, packed)
                loss = cross_entropy(hidden[0, packed.sources], self.weight, packed.targets, scale, self.right)
            loss.backward()
        return loss.detach()

    def _refuse_nonsense(self, loss: float, norm: float, rows: Rows) -> None:
        if not (math.isfinite(loss) and math.isfinite(norm)):
            what = f"the loss became {loss}" if not math.isfinite(loss) else f"the gradient norm became {norm}"
            where = named(self.examples.numbers[rows], self.spec)
            raise Failure(Fault.DIVERGED, f"Training diverged: at batch {self.step + 1} {what}. {where}")

    def _note_chance(self) -> None:
        """Dropout draws on these generators in mid-step, and a step that is left half done is done again from its beginning."""
        self.random_cpu = torch.get_rng_state()
        self.random_cuda = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None

    def _forget_chance(self) -> None:
        """Back to where the generators were when the step began."""
        torch.set_rng_state(self.random_cpu)
        if self.random_cuda is not None:
            torch.cuda.set_rng_state(self.random_cuda, self.device)

    def state(self, *, for_recovery: bool) -> State:
        return State(
            step=self.step,
            epoch=self.timetable.epoch(self.step),
            tokens=self.tokens,
            seed=self.spec.hyperparameters.seed,
            data_digest=self.spec.train.digest,
            last_loss=self.last_loss,
            capacity=self.capacity,
            halved=self.halved_by_others,
            for_recovery=for_recovery,
            evaluations=dict(self.evaluations),
            random_cpu=_text(self.random_cpu),
            random_cuda=None if self.random_cuda is None else _text(self.random_cuda),
        )

    def restore(self, state: State, tensors: dict[str, torch.Tensor]) -> None:
        """Go on from where `state` and the optimizer's tensors were written."""
        optimizer.restore(self.optimizer, self.parameters, tensors)
        torch.set_rng_state(_generator(state.random_cpu))
        if state.random_cuda is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(_generator(state.random_cuda), self.device)
        self._note_chance()
        self.step, self.tokens, self.last_loss = state.step, state.tokens, state.last_loss
        if state.capacity:
            times = self.halved_by_others
            self.halved_by_others = times if state.halved is None else state.halved
            self.capacity = state.capacity
            self.halve_from_outside(times)
        self.evaluations = dict(state.evaluations)


def named(numbers: Rows, spec: RunSpec) -> str:
    """Which rows a batch had, in words."""
    kind = "blocks" if spec.task_type == TaskType.CONTINUED_PRETRAIN else "rows"
    listed = ", ".join(f"{number:,}" for number in numbers[:NAMED].tolist())
    more = f" and {len(numbers) - NAMED:,} more" if len(numbers) > NAMED else ""
    return f"That batch had the {kind} {listed}{more} of “{spec.train.name or spec.train.path.name}”."


def _text(generator: torch.Tensor) -> str:
    return base64.b64encode(generator.numpy().tobytes()).decode()


def _generator(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)
