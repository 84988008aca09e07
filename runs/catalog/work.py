"""What rows mean for training: how many tokens of how many rows go through the model in an epoch."""

from dataclasses import dataclass

from runs.contract.spec import TaskType
from runs.data.profile import Profile

SHARING = 0.05  # share of the tokens from which on a common beginning is computed once: runs.engine.families


@dataclass(frozen=True)
class Work:
    """Rows and tokens of one epoch, as training sees them. `rows` are those of the file, `blocks` what training makes of them.

    `read` are all tokens of both files, those that are cut off and of rows that are dropped too. `beginning` is how many tokens
    rows have in common at their start, `bin_rows` how many of them lie in a bin.
    """

    rows: int
    tokens: int
    trained: int
    blocks: int
    longest: int = 0
    beginning: float = 0.0
    bin_rows: float = 1.0
    held_out: int = 0
    held_out_tokens: int = 0
    prompts: int = 0
    read: int = 0

    @classmethod
    def of(cls, found: Profile, task: TaskType, *, held_out: Profile | None = None, prompts: int = 0) -> "Work":
        """From what was counted at the run's context length and batch size."""
        joined = task is TaskType.CONTINUED_PRETRAIN
        return cls(
            rows=found.rows,
            tokens=found.seen_tokens,
            trained=found.seen_trained,
            blocks=-(-found.seen_tokens // found.context_length) if joined else found.rows - found.untrained_rows,
            longest=min(found.tokens if joined else found.longest, found.context_length),
            beginning=min(found.beginning, found.context_length),
            bin_rows=found.packing.rows_per_bin if found.packing else 1.0,
            held_out=held_out.rows if held_out else 0,
            held_out_tokens=held_out.seen_tokens if held_out else 0,
            prompts=prompts,
            read=found.tokens + (held_out.tokens if held_out else 0),
        )

    @property
    def computed(self) -> float:
        """Share of the tokens that go through the model: no row's last target, and a beginning that rows share once a bin."""
        if not self.tokens:
            return 1.0
        saved = self.beginning * (1 - 1 / max(1.0, self.bin_rows)) * self.blocks / self.tokens
        return 1 - (saved if saved > SHARING else 0.0) - self.blocks / self.tokens
