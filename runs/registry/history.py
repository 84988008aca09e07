"""What a run's events say about it in the end, for the model card."""

from dataclasses import dataclass, field

from pydantic import ValidationError

from runs.contract.events import Evaluation, Plan, Sample, Step, parse_line
from runs.contract.folder import RunFolder


@dataclass
class History:
    """`steps` and `evaluations` by step number, so that a step said twice counts once."""

    plan: Plan | None = None
    steps: dict[int, Step] = field(default_factory=dict)
    evaluations: dict[int, Evaluation] = field(default_factory=dict)
    samples: dict[tuple[int, int], Sample] = field(default_factory=dict)

    @property
    def last_step(self) -> Step | None:
        return self.steps[max(self.steps)] if self.steps else None

    @property
    def last_samples(self) -> list[Sample]:
        """The answers after the last step at which there are any, by prompt."""
        last = max((step for step, _ in self.samples), default=0)
        return [sample for (step, _), sample in sorted(self.samples.items()) if step == last]


def read_history(folder: RunFolder) -> History:
    """Read events.jsonl; a line that cannot be read is left out, and so is a missing file."""
    history = History()
    if not folder.events.exists():
        return history
    with folder.events.open("rb") as file:
        for raw in file:
            try:
                line = parse_line(raw)
            except ValidationError:
                continue  # half a line at the end
            match line:
                case Plan():
                    history.plan = line
                case Step():
                    history.steps[line.step] = line
                case Evaluation():
                    history.evaluations[line.step] = line
                case Sample():
                    history.samples[line.step, line.index] = line
                case _:
                    pass
    return history
