"""One run as its page shows it: where it stands, its curve in words and as a small picture, its answers, its links."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings

from runs.contract import events
from runs.contract.events import EventType, Phase
from runs.models import MetricPoint, Run, RunStatus, Taking, User
from runs.services import lifecycle, lineage, publishing, series, sharing
from runs.web import charts

PICTURE_POINTS = 160
TABLE_POINTS = 40
WIDTH, HEIGHT = 1_000, 300  # units of the picture's own box
PHASES = {
    Phase.CREATED: "Created",
    Phase.DATA: "Data checked",
    Phase.MODEL: "Model ready",
    Phase.TRAINING: "Training",
    Phase.EVALUATION: "Evaluation",
    Phase.REGISTERING: "Registering",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A station on the line of phases. `state` is done, now, failed, stopped or empty."""

    label: str
    state: str
    counting: str = ""  # 41,200 of 120,000 rows
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    prompt: str
    base: str | None
    tuned: str | None


class Portrait:
    """Lazy: a fragment asks the database only for what it shows."""

    def __init__(self, run: Run, user: User, query: Mapping[str, str]) -> None:
        self.run = run
        self.view = charts.View.read(query)
        self.may_change = lifecycle.may_change(run, user)
        self.may_clone = user.may_train
        self._user = user
        self.may_share = sharing.may_share(run, user)
        self.may_register = publishing.may_register(run, user)
        self._asked_step = query.get("answers", "")

    # Where it stands

    @cached_property
    def phases(self) -> list[Step]:
        order = list(PHASES)
        here = Phase.DATA if self.run.awaits_data else Phase.TRAINING if self._measures_base else Phase(self.run.phase)
        at = order.index(here)
        return [self._station(phase, number - at) for number, phase in enumerate(order)]

    @property
    def _measures_base(self) -> bool:
        """Before the first step the base model is scored and asked: on the line of phases the beginning of training."""
        return self.run.phase == Phase.EVALUATION and not self.run.step

    def _station(self, phase: Phase, behind: int) -> Step:
        run, label = self.run, PHASES[phase]
        if run.status == RunStatus.COMPLETED or behind < 0:
            return Step(label, "done")
        if behind > 0:
            return Step(label, "")
        if run.is_terminal:
            return Step(label, "failed" if run.status == RunStatus.FAILED else "stopped")
        if phase == Phase.TRAINING and not self._measures_base:
            return Step(label, "now", f"{run.share_done:.0%}" if run.total_steps else "", run.share_done)
        if phase == Phase.CREATED:
            return Step(label, "now")
        return Step(label, "now", *self._counted())

    def _counted(self) -> tuple[str, float | None]:
        if found := self.check:
            return f"{found.done / 1e6:,.0f} of {found.total / 1e6:,.0f} MB", found.share_done
        told = self.run.progress or {}
        doing = f"base model: {told.get('doing', '')}" if self._measures_base else str(told.get("doing", ""))
        if not told.get("total"):
            return doing, None
        words = f"{doing} {told['done']:,} of {told['total']:,} {told['unit']}"
        return words, told["done"] / told["total"]

    @property
    def remark(self) -> str:
        """What the line of phases does not say already."""
        run = self.run
        is_said = run.status == RunStatus.COMPLETED or (run.status == RunStatus.STARTING and run.progress)
        return "" if is_said or run.details == "Training." else run.details

    @cached_property
    def check(self) -> Taking | None:
        """The check of its data that is under way, for whom that is."""
        run = self.run
        if not run.awaits_data or run.owner_id != self._user.pk:
            return None
        return next((found for found in (run.data_check, run.eval_data_check) if found and found.is_under_way), None)

    @cached_property
    def place(self) -> str:
        """epoch 1/2 · batch 38/53; for a run of other than whole epochs batch 38/80"""
        run = self.run
        if not run.total_steps or not run.step:
            return ""
        if not run.steps_per_epoch or run.total_steps % run.steps_per_epoch:
            return f"batch {run.step:,}/{run.total_steps:,}"
        epoch, batch = divmod(max(0, run.step - 1), run.steps_per_epoch)
        epochs = -(-run.total_steps // run.steps_per_epoch)
        return f"epoch {epoch + 1:,}/{epochs:,} · batch {batch + 1:,}/{run.steps_per_epoch:,}"

    @cached_property
    def lineage(self) -> list[tuple[str, Run | None, str]]:
        """(words, run, checkpoint) of what it goes on from, the nearest first; None for a run that this person may not open."""
        earlier = list(lineage.chain(self.run))
        open_to = set(Run.objects.alive().visible_to(self._user).filter(pk__in=[weights.run.pk for weights in earlier]))
        return [(weights.label, weights.run if weights.run in open_to else None, weights.checkpoint) for weights in earlier]

    @cached_property
    def continuations(self) -> list[Run]:
        """Runs that went on from this one's weights."""
        return list(self.run.continuations.alive().visible_to(self._user).order_by("created_at")[:20])

    @property
    def seconds_spent(self) -> float | None:
        run = self.run
        return (run.completed_at - run.started_at).total_seconds() if run.started_at and run.completed_at else None

    @property
    def can_stop(self) -> bool:
        return self.may_change and not self.run.is_terminal and self.run.status != RunStatus.TERMINATING

    @property
    def can_pause(self) -> bool:
        run = self.run
        working = run.is_waiting or run.status in (RunStatus.STARTING, RunStatus.RUNNING)
        return self.may_change and working and not (run.pause_wanted or run.awaits_data or run.phase == Phase.REGISTERING)

    @property
    def can_resume(self) -> bool:
        return self.may_change and (self.run.status == RunStatus.PAUSED or self.run.is_pausing)

    @property
    def can_move(self) -> bool:
        """Held because its base model is gone, and there is one to use instead."""
        return (
            self.may_change and bool(self.run.held) and self.run.is_waiting and self.run.base_model.replacement_id is not None
        )

    @property
    def can_delete(self) -> bool:
        return self.may_change and self.run.is_terminal

    @cached_property
    def now(self) -> dict[str, float | None]:
        """The last batch's numbers by their names in contract.events."""
        last = MetricPoint.objects.filter(run=self.run).train().order_by("-step").first()
        known = {name: series.finite(value) for name, value in last.values.items()} if last else {}
        return dict.fromkeys(events.Step.model_fields) | known

    @cached_property
    def evaluation(self) -> dict[str, float | None]:
        """The last evaluation's scores."""
        last = MetricPoint.objects.filter(run=self.run).evaluation().order_by("-step").first()
        return {name: series.finite(value) for name, value in last.values.items()} if last else {}

    @cached_property
    def warning(self) -> str:
        """What was last remarked on the course of training."""
        last = self.run.events.filter(type=EventType.ADVICE).order_by("-time", "-pk").first()
        return last.message if last else ""

    @property
    def mlflow(self) -> str:
        run = self.run
        if not run.mlflow_run_id:
            return ""
        return f"{settings.MLFLOW_TRACKING_URI}/#/experiments/{run.mlflow_experiment_id}/runs/{run.mlflow_run_id}"

    @cached_property
    def version(self) -> object:
        return getattr(self.run, "version", None)

    @cached_property
    def counts(self) -> dict[str, int]:
        """For the tabs and for the stream: what the page already shows."""
        run = self.run
        return {
            "events": run.events.exclude(type=EventType.TRAIN_UPDATED).count(),
            "samples": run.samples.count(),
            "checkpoints": run.checkpoints.filter(deleted_at__isnull=True).count(),
        }

    # Its curve

    @cached_property
    def _train(self) -> series.Columns:
        points = series.sketches([self.run], most=PICTURE_POINTS)[self.run.pk]
        return series.columns("train", points, series.origin(self.run))

    @staticmethod
    def _steps(columns: series.Columns) -> list[float]:
        return [step for step in columns["step"] if step is not None]

    @cached_property
    def _evaluations(self) -> series.Columns:
        points = MetricPoint.objects.filter(run=self.run).evaluation().order_by("-step")[:PICTURE_POINTS]
        return series.columns("eval", reversed(points), series.origin(self.run))

    @property
    def has_points(self) -> bool:
        return bool(self._train["step"])

    @cached_property
    def picture(self) -> str:
        """The loss as an SVG path, there before the chart is and without any script."""
        return charts.path(self._steps(self._train), self._train["loss"], WIDTH, HEIGHT, pad=4)

    @cached_property
    def in_words(self) -> list[str]:
        told = [
            charts.in_words("Training loss", self._steps(self._train), self._train["loss"]),
            charts.in_words("Evaluation loss", self._steps(self._evaluations), self._evaluations["loss"]),
        ]
        return [sentence for sentence in told if sentence]

    @cached_property
    def smalls(self) -> list[dict[str, object]]:
        return [
            {
                "small": small,
                "path": charts.path(self._steps(self._train), self._train[small.key], 240, 56),
                "last": self._last(small.key),
            }
            for small in charts.SMALLS
        ]

    def _last(self, key: str) -> object:
        return next((value for value in reversed(self._train[key]) if value is not None), None)

    @cached_property
    def table(self) -> list[dict[str, series.Number]]:
        """Some steps and every evaluation, oldest first, for those who read numbers rather than curves."""
        stride = max(1, len(self._train["step"]) // TABLE_POINTS)
        evaluated = dict(zip(self._evaluations["step"], self._evaluations["loss"], strict=True))
        last = len(self._train["step"]) - 1
        rows = [
            {key: column[index] for key, column in self._train.items()} | {"eval": evaluated.pop(step, None)}
            for index, step in enumerate(self._train["step"])
            if index % stride == 0 or index == last or step in evaluated
        ]
        nothing = dict.fromkeys(self._train)
        rows += [nothing | {"step": step, "eval": value} for step, value in evaluated.items()]
        return sorted(rows, key=lambda row: row["step"] or 0)

    # Its answers

    @property
    def has_prompts(self) -> bool:
        return bool(self.run.asked.eval_prompts)

    @cached_property
    def answer_steps(self) -> list[int]:
        """Where the prompts were answered by tuned weights, newest first."""
        return list(self.run.samples.filter(step__gt=0).order_by("-step").values_list("step", flat=True).distinct())

    @cached_property
    def answer_step(self) -> int | None:
        asked = int(self._asked_step) if self._asked_step.isascii() and self._asked_step.isdigit() else None
        return asked if asked in self.answer_steps else next(iter(self.answer_steps), None)

    @cached_property
    def follows_newest(self) -> bool:
        return not self.answer_steps or self.answer_step == self.answer_steps[0]

    @cached_property
    def answers(self) -> list[Answer]:
        """Prompt, the base model's answer, and the answer of the chosen checkpoint."""
        found = {(s.index, s.step): s for s in self.run.samples.filter(step__in={0, self.answer_step or 0})}
        made = []
        for index in sorted({index for index, _ in found}):
            base, tuned = found.get((index, 0)), found.get((index, self.answer_step or -1))
            first = base or tuned
            assert first is not None
            made.append(Answer(first.prompt, base.answer if base else None, tuned.answer if tuned else None))
        return made
