"""A run from top to bottom: data, model, steps, checkpoints, evaluations, the finished model."""

import logging
import time

import torch
from transformers import PreTrainedModel

from runs.contract.duration import Duration
from runs.contract.events import EventType, Exit, Fault, Milestone, Outcome, Phase, Plan, Resumed, Sample, Step
from runs.contract.folder import RunFolder
from runs.contract.inputs import DataFile
from runs.contract.spec import RunSpec
from runs.data.rendering import Renderer, TemplateError
from runs.engine import evaluation, generation, models
from runs.engine.checkpoints import Stored
from runs.engine.duration import Timetable
from runs.engine.examples import Examples, tokenize
from runs.engine.failure import Failure, Leave
from runs.engine.gauges import Gauges
from runs.engine.keeping import Keeper
from runs.engine.methods import METHODS
from runs.engine.pace import Pace, Speed
from runs.engine.precision import of_products
from runs.engine.provenance import Inquiry
from runs.engine.reporting import Reporter, now
from runs.engine.training import Taken, Training
from runs.engine.watching import Watch
from runs.engine.wishes import Wishes

log = logging.getLogger(__name__)


class Pipeline:
    """One run of the engine on one folder. `step` is how far it got, whatever happens."""

    most_rows: int | None = None  # of a file that are read; None: all

    def __init__(self, folder: RunFolder, spec: RunSpec, reporter: Reporter, wishes: Wishes) -> None:
        self.folder, self.spec, self.reporter, self.wishes = folder, spec, reporter, wishes
        self.method = METHODS[spec.hyperparameters.method]
        self.keeper = Keeper(folder, reporter, self.method, spec)
        self.training: Training | None = None
        self.early = ""  # why the run ended before its time, if it did

    @property
    def step(self) -> int:
        return self.training.step if self.training else self.keeper.last_step

    def run(self) -> Exit:
        """Train to the end, or as far as others wish. Raises Failure, and whatever else goes wrong."""
        try:
            inquiry = Inquiry(self.spec)
            self._read_data()
            self.training = self._set_up(inquiry)
            self._train(self.training)
            self._finish(self.training)
        except Leave as leave:
            return self._leave(leave.outcome)
        finally:
            self.keeper.close()
        return Exit(outcome=Outcome.COMPLETED, time=now(), step=self.step)

    def _read_data(self) -> None:
        try:
            self.renderer = Renderer.load(self.spec.base_model.path)
        except TemplateError as error:
            raise Failure(Fault.MODEL, str(error)) from error
        self.examples = self._tokenize(self.spec.train, "tokenizing training rows")
        self.held_out = self._tokenize(self.spec.evaluation, "tokenizing evaluation rows") if self.spec.evaluation else None
        self.reporter.milestone(EventType.DATA_VALIDATED, "Training data validated.")

    def _tokenize(self, data: DataFile, doing: str) -> Examples:
        def tick(done: int) -> None:
            self.reporter.progress(Phase.DATA, doing, done, data.rows, "rows")
            if done % 64 == 0:
                self.wishes.check()

        return tokenize(data, self.renderer, self.spec.task_type, self.spec.context_length, tick, self.most_rows)

    def _set_up(self, inquiry: Inquiry | None = None) -> Training:
        spec, settings = self.spec, self.spec.hyperparameters
        device = models.device_of(spec.device)
        torch.manual_seed(settings.seed)
        torch.set_flush_denormal(True)  # a CPU takes a hundred times as long for numbers next to zero
        stored = self.keeper.find()
        model = self._build(device, stored)
        if inquiry is not None:
            self.spec = inquiry.settle(self.folder, spec, self.reporter, self.wishes, begins=stored is None)
        timetable = Timetable(
            self.examples.lengths,
            settings.batch_size,
            settings.seed,
            Duration.parse(settings.training_duration),
            Duration.parse(settings.eval_interval),
        )
        training = Training(spec, model, self.method.parameters(model), self.examples, timetable, device, self.wishes)
        training.before_update = self.keeper.wait_until_noted
        training.halve_from_outside(self.folder.halved)
        self.watch, self.gauges = Watch(timetable.total_steps), Gauges(device, of_products(spec, device))
        self.keeper.check_room(training)
        self._say_plan(training)
        if stored:
            self.keeper.resume(training, stored)
        elif self.reporter.goes_on:
            self.reporter.say(Resumed(time=now(), step=0))
        return training

    def _build(self, device: torch.device, stored: Stored | None) -> PreTrainedModel:
        name = self.spec.base_model.name
        self.reporter.progress(Phase.MODEL, f"loading {name}", 0, 1, "model")
        model = self.method.build(self.spec, device, stored.path if stored else None)
        if self.spec.hyperparameters.gradient_checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        self.reporter.progress(Phase.MODEL, f"loading {name}", 1, 1, "model")
        self.reporter.milestone(EventType.MODEL_INITIALIZED, f"Model data downloaded and initialized for base model {name}.")
        self.wishes.check()
        return model

    def _say_plan(self, training: Training) -> None:
        timetable, examples = training.timetable, self.examples
        plan = Plan(
            time=now(),
            total_steps=timetable.total_steps,
            steps_per_epoch=timetable.steps_per_epoch,
            total_tokens=timetable.tokens(timetable.total_steps),
            rows=len(examples),
            truncated_rows=examples.truncated,
            dropped_rows=examples.dropped,
            trainable_parameters=sum(param.numel() for param in training.parameters.values()),
        )
        log.info("plan: %s", plan.model_dump_json(exclude={"time", "kind"}))
        self.reporter.say(plan)

    def _train(self, training: Training) -> None:
        timetable, pause = training.timetable, None
        if training.step == 0 or timetable.is_due(training.step):  # the latter: it was lost while or before it evaluated
            began = time.monotonic()
            self._evaluate(training)
            self.keeper.prune(training.evaluations)
            pause = time.monotonic() - began
        self.reporter.milestone(EventType.TRAIN_STARTED, "Training started.")
        pace = Pace(training.tokens, timetable.tokens(timetable.total_steps), pause)
        while training.step < timetable.total_steps and not self._is_stopped_early(training):
            self.wishes.check()
            began = time.perf_counter()
            taken = training.advance()
            speed = pace.step(training.tokens, taken.rows, timetable.intervals_from(training.step))
            self._say_step(training, taken, speed, time.perf_counter() - began)
            is_due = timetable.is_due(training.step)
            if is_due or self.keeper.is_overdue():
                self.keeper.keep(training, for_recovery=not is_due)
                if is_due:
                    self._evaluate(training)
                self.keeper.prune(training.evaluations)  # and not before: the newest may prove to be no good
            self.keeper.settle(wait=False)
            pace.skip(is_pause=is_due)
        self.keeper.settle()

    def _is_unscored(self, training: Training) -> bool:
        """Whether the evaluation of this step's checkpoint is still to come."""
        return bool(self.held_out) and training.timetable.is_due(training.step) and training.step not in training.evaluations

    def _is_stopped_early(self, training: Training) -> bool:
        """Whether the evaluation loss has not fallen for as many evaluations as the patience allows."""
        patience, found = self.spec.hyperparameters.early_stopping_patience, training.evaluations
        if not patience or not found or training.step not in found:
            return False
        best = min(found, key=lambda step: (found[step], step))
        waited = sum(step > best for step in found)
        if waited >= patience:
            log.info("stopped early: the evaluation loss was lowest at step %d", best)
            self.early = f"Stopped early at batch {training.step:,}: the evaluation loss was lowest at batch {best:,}."
        return waited >= patience

    def _say_step(self, training: Training, taken: Taken, speed: Speed, seconds: float) -> None:
        if taken.note:
            self.reporter.say(Milestone(time=now(), type=EventType.ADVICE, message=taken.note))
        step = Step(
            time=now(),
            step=training.step,
            epoch=training.timetable.epoch(training.step),
            tokens=training.tokens,
            rows=training.timetable.rows(training.step),
            loss=taken.loss,
            token_accuracy=taken.token_accuracy,
            learning_rate=taken.learning_rate,
            gradient_norm=taken.gradient_norm,
            tokens_per_second=speed.tokens,
            batches_per_second=speed.batches,
            rows_per_second=speed.rows,
            memory_bytes=self.gauges.memory(),
            device_use=self.gauges.use(),
            mfu=self.gauges.mfu(taken.flops, seconds),
            data_wait_share=taken.data_seconds / max(seconds, 1e-9),
            seconds_left=speed.seconds_left,
        )
        self.reporter.say(step)
        log.info("step %d of %d: loss %.4f, %.0f tokens/s", step.step, training.timetable.total_steps, step.loss, speed.tokens)
        if notice := self.watch.step(step.step, step.loss, step.time):
            self.reporter.say(notice)

    def _evaluate(self, training: Training) -> None:
        """Scores and answers of this moment. Saying them twice after an interruption does no harm."""
        if held_out := self.held_out:

            def tick(done: int) -> None:
                self.reporter.progress(Phase.EVALUATION, "scoring evaluation rows", done, len(held_out), "rows")
                self.wishes.check()

            asked = training.capacity
            try:
                found = evaluation.evaluate(training, held_out, tick)
            except Failure as failure:
                if failure.fault == Fault.DIVERGED:
                    self.keeper.discard(training.step)
                raise
            if note := training.halved(asked, f"from the evaluation after batch {training.step:,} on"):
                self.reporter.say(Milestone(time=now(), type=EventType.ADVICE, message=note))
            log.info("evaluation at step %d: loss %.4f, accuracy %.3f", found.step, found.loss, found.token_accuracy)
            self.reporter.say(found)
            training.evaluations[training.step] = found.loss
            if notice := self.watch.evaluation(training.step, training.evaluations, found.time):
                self.reporter.say(notice)
        if prompts := self.spec.eval_prompts:
            encoded = [generation.encode(prompt, self.renderer, self.spec.train, self.spec.task_type) for prompt in prompts]
            limit = self.spec.base_model.max_context_length
            self.reporter.progress(Phase.EVALUATION, "answering evaluation prompts", 0, len(prompts), "prompts")
            answers = generation.answer_sparingly(training.model, self.renderer, encoded, limit, self.wishes)
            for index, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
                self.reporter.say(Sample(time=now(), step=training.step, index=index, prompt=prompt, answer=answer))

    def _finish(self, training: Training) -> None:
        self.reporter.milestone(EventType.TRAIN_FINISHED, self.early or "Training completed.")
        model = self._chosen(training)
        dtype = of_products(self.spec, training.device)
        self.method.keep_apart(model, self.spec, self.folder.adapter)
        models.publish(self.method.finish(model), self.folder.model, self.spec.base_model.path, dtype)

    def _chosen(self, training: Training) -> PreTrainedModel:
        """The weights to be served: of the end, or of the best checkpoint."""
        if self.spec.hyperparameters.keep_policy == "last":
            return training.model
        best = self.keeper.best(training.evaluations)
        if best is None or best.state.step == training.step:
            return training.model
        log.info("the weights after step %d had the lowest evaluation loss", best.state.step)
        return self.method.revert(training.model, self.spec, best.path)

    def _leave(self, outcome: Outcome) -> Exit:
        """Keep a checkpoint, unless a SIGTERM leaves no time for it; a person who stops or pauses the run has that time."""
        training, began = self.training, time.monotonic()
        self.keeper.settle()
        if training:
            is_late = self.wishes.interrupted and self.keeper.is_too_slow(training, time.monotonic() - began)
            if training.step > self.keeper.last_step and not is_late:
                self.keeper.keep(training, for_recovery=outcome == Outcome.INTERRUPTED)
            if not self._is_unscored(training):  # which may prove to be no good
                self.keeper.prune(training.evaluations)
        self.keeper.settle()
        why = "Interrupted" if outcome == Outcome.INTERRUPTED else "Stopped"
        kept = self.keeper.last_step
        back = f", to go on after batch {kept}" if kept < self.step else ""
        return Exit(outcome=outcome, time=now(), step=kept, message=f"{why} after batch {self.step}{back}.")
