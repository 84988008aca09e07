"""What a few real steps cost: `probe.json` of a run folder, and what follows from it for the whole run. Pure arithmetic.

A cost is in seconds of the clock and of the processor (all threads): where other work had the cores, the two tell it.
"""

from pydantic import BaseModel, ConfigDict

ROWS = 20_000  # of a file that a probe reads; the rest take as long
TRUE = 0.05  # a forecast from real steps is never claimed to be nearer than this


class Cost(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    clock: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(clock=self.clock + other.clock, cpu=self.cpu + other.cpu)

    def __mul__(self, times: float) -> "Cost":
        return Cost(clock=self.clock * times, cpu=self.cpu * times)


class Probe(BaseModel):
    """Costs of the parts of a run, as they were measured with its own model, rows and settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    steps: int  # that were timed, after one with the most tokens at once
    tokens_at_once: int  # of a bin at most, after what did not fit was halved
    begin: Cost  # process, libraries, weights, and what the first step took beyond the others
    row: Cost  # reading and tokenizing one
    step: Cost  # what a step takes however few its tokens are
    token: Cost  # a useful one, forwards and backwards
    evaluation: Cost  # of all evaluation rows once, and of the prompts
    checkpoint: Cost
    finish: Cost  # putting the finished model together and on the disk
    memory_bytes: int  # the most that the process, or the GPU, had to hold
    spread: float  # how far single steps were from what the others say: a share of a step
    busy: float  # share of the cores that were ours while steps were timed, 0 to 1; of a GPU 1

    def whole(self, *, rows: int, tokens: int, steps: int, evaluations: int, checkpoints: int) -> Cost:
        """A run of so many rows to read, useful tokens and steps to train, evaluations and checkpoints."""
        training = self.token * tokens + self.step * steps
        return (
            self.begin
            + self.row * rows
            + training
            + self.evaluation * evaluations
            + self._checkpoints(checkpoints, training.clock / max(1, steps))
            + self.finish
        )

    def _checkpoints(self, times: int, a_step: float) -> Cost:
        """All but the last are written while the next step, of `a_step` seconds, is under way."""
        waited = max(0.0, self.checkpoint.clock - a_step)
        return Cost(clock=self.checkpoint.clock * min(1, times) + waited * max(0, times - 1), cpu=self.checkpoint.cpu * times)

    def bounds(self, seconds: float) -> tuple[float, float]:
        """At best, when the machine has nothing else to do; at worst, when steps scatter as they were seen to."""
        off = max(TRUE, 2 * self.spread / max(1, self.steps) ** 0.5)
        return seconds * (1 - off) * min(1.0, self.busy), seconds * (1 + off)
