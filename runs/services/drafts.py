"""Drafts of runs: what a person has written down in the wizard so far, step by step, until it is started once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.db import transaction

from runs.contract.request import RunRequest
from runs.contract.spec import TaskType
from runs.models import BaseModel, DataSet, Draft, Probing, Run, Taking, User
from runs.services import access, checks, datasets, estimates, lifecycle, probing, profiling, taking
from runs.services.audit import record
from runs.services.permissions import require
from runs.services.refused import (
    Invalid,
    LicenceNotAccepted,
    ModelUnavailable,
    NotFound,
    Problem,
    Refused,
    StillChecking,
    StillCounting,
)
from runs.services.specification import resolved

DATA_FIELDS = ("train_data_path", "eval_data_path")
REGISTER_TO = "main.default"  # the catalog and schema that every installation has


@dataclass(frozen=True)
class Upload:
    """A file or several texts, or the key of a file that came in parts. `mapping` is the foreign shape that was confirmed."""

    files: Sequence[tuple[str, BinaryIO]] = ()
    mapping: str = ""
    key: str = ""

    def keep(self, *, by: User, task: TaskType, name: str = "") -> DataSet:
        """Check it, and make it a data set."""
        if self.key:
            return datasets.add_arrived(by=by, key=self.key, task=task, name=name, mapping=self.mapping)
        if len(self.files) > 1:
            return datasets.add_texts(by=by, files=self.files, task=task, name=name, mapping=self.mapping)
        (filename, file), *_ = self.files
        return datasets.add_upload(by=by, file=file, filename=filename, task=task, name=name, mapping=self.mapping)


def find(*, by: User, key: str) -> Draft:
    """A person's own draft: what is half written is nobody else's business."""
    draft = Draft.objects.select_related("run", "owner").filter(owner=by, key=key).first()
    if draft is None:
        raise NotFound("There is no such draft among yours. Start a new run.")
    return draft


def values_of(run: Run) -> dict[str, Any]:
    """An earlier run's settings, as the draft of a new one."""
    return dict(run.request)


@transaction.atomic
def choose_model(*, by: User, draft: Draft | None, values: Mapping[str, Any], accept: set[str]) -> Draft:
    """Keep model and task after checking them; `accept` are the keys of the licences that the person ticked."""
    name, task = str(values.get("model", "")), str(values.get("task_type", ""))
    model = _offered(name)
    checks.check_use(model, by)
    if task not in model.task_types:
        raise Invalid(f"{model.display_name} is not offered for this task. Choose another of the two.", field="task_type")
    if not checks.weights_are_here(model):
        raise ModelUnavailable(checks.where_weights_are(model), field="model")
    if model.licence.key in accept:
        access.accept_licence(licence=model.licence, by=by)
    elif not access.has_accepted(user=by, licence=model.licence):
        raise LicenceNotAccepted(f"Accept the {model.licence.name} before you use {model.display_name}.", field="accept")
    draft = draft or Draft(owner=by, values={})
    if draft.values.get("task_type") not in (None, task):
        values = {**values, **dict.fromkeys(DATA_FIELDS)}  # rows of another task: they would only be refused later
    return keep(draft=draft, by=by, values=values)


def _offered(name: str) -> BaseModel:
    if not name:
        raise Invalid("Choose a base model.", field="model")
    return checks.find_model(name)


def may_go_on(*, draft: Draft, by: User) -> bool:
    """Whether the draft's model can still be used; if not, another has to be chosen first."""
    try:
        checks.check_use(_offered(str(draft.values.get("model", ""))), by)
    except Refused:
        return False
    return True


@transaction.atomic
def keep(*, draft: Draft, by: User, values: Mapping[str, Any]) -> Draft:
    """Remember what was typed, right or wrong. None forgets a value, so that its default counts again.

    A second tab may have written to the draft since it was read: what this one did not touch stays as it is there.
    """
    require(by, "draft.change", draft)
    latest = Draft.objects.select_for_update().filter(pk=draft.pk).values_list("values", flat=True).first()
    before = draft.values if latest is None else latest
    after = {name: value for name, value in {**before, **values}.items() if value not in (None, "", [])}
    draft.values = after
    draft.save()
    if latest is None or before != after:
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        one, other = ({name: values[name] for name in changed if name in values} for values in (before, after))
        record("draft.change", draft.key, by=by, before=one, after=other)
    return draft


def choose_data(
    *, draft: Draft, by: User, field: str, upload: Upload | None = None, reference: str = "", mapping: str = ""
) -> DataSet:
    """Take rows in or find them, check them against the chosen model, and keep them in `field` of the draft.

    `mapping` is the foreign shape of what is referred to, where the person confirmed one. Large data are checked in the
    background first: raises StillChecking, and `collect` chooses them afterwards.
    """
    task = TaskType(draft.values["task_type"])
    try:
        if upload is not None:
            dataset = upload.keep(by=by, task=task)
        elif reference:
            dataset = datasets.resolve(by=by, reference=reference, task=task, field=field, mapping=mapping)
        else:
            raise Invalid("Choose a file, a data set or a path.", field=field)
    except StillChecking as checking:
        taking.note(by=by, key=checking.check, draft=draft, field=field)
        raise
    keep(draft=draft, by=by, values={field: dataset.name})  # first of all: what was uploaded is not lost by what follows
    try:
        profiling.profile(dataset=dataset, model=checks.find_model(draft.values["model"]), context_length=context_length(draft))
    except StillCounting:
        pass  # the page says how far it is
    except Refused as refused:
        keep(draft=draft, by=by, values={field: None})
        raise Invalid(refused.message, field=field) from refused
    return dataset


def collect(*, draft: Draft, by: User) -> list[Problem]:
    """Choose what was checked in the background since; what does not go with the model, each at its field."""
    problems: list[Problem] = []
    for found in Taking.objects.filter(draft=draft).exclude(dataset=None).select_related("dataset"):
        assert found.dataset is not None
        taking.note(by=by, key=found.key, draft=None, field="")
        try:
            choose_data(draft=draft, by=by, field=found.field, reference=found.dataset.name)
        except Refused as refused:
            problems += refused.problems
    return problems


def context_length(draft: Draft) -> int:
    """Tokens: what was typed if it is a length, else the chosen model's default."""
    model = checks.find_model(draft.values["model"])
    try:
        asked = request_so_far(draft.values)
    except Invalid:
        asked = request_so_far({"model": model.name})
    length = resolved(asked, model).context_length
    assert length is not None
    return min(length, model.max_context_length)


def request_so_far(values: Mapping[str, Any]) -> RunRequest:
    """The draft as a request; what has not been asked yet has a stand-in. Raises Invalid for what was typed wrongly."""
    return lifecycle.read_request({"model": "-", "train_data_path": "-", "register_to": REGISTER_TO, **values})


def request(draft: Draft) -> RunRequest:
    """The draft as it would be started; raises Invalid with all that is missing or wrong."""
    return lifecycle.read_request({"register_to": REGISTER_TO, **draft.values})


def problems(*, draft: Draft, by: User) -> list[Problem]:
    """Everything that stands between this draft and a run, each at its field."""
    try:
        checks.check(asked=request(draft), by=by)
    except Refused as refused:
        return refused.problems
    return []


def make_fit(*, draft: Draft, by: User) -> None:
    """Take the settings over that would make the run fit, if it does not."""
    for problem in problems(draft=draft, by=by):
        if suggestion := problem.facts.get("suggestion"):
            keep(draft=draft, by=by, values={name: str(value) for name, value in suggestion.items()})


def probe(*, draft: Draft, by: User) -> Probing:
    """Have a few real steps of the draft measured. Raises what stands between it and a run."""
    require(by, "draft.see", draft)
    return probing.ask(by=by, asked=request(draft), anew=True)


def ease(*, draft: Draft, by: User) -> bool:
    """Take the settings over that need less memory than those that a probe found too large; False when there are none."""
    changes = estimates.remedy(asked=request(draft), by=by)
    keep(draft=draft, by=by, values={name: str(value) for name, value in changes.items()})
    return bool(changes)


def start(*, draft: Draft, by: User) -> Run:
    """Make the run. However often this is called, a draft becomes one run."""
    if draft.run is not None:
        return draft.run
    run = lifecycle.submit(by=by, asked=request(draft), idempotency_key=f"draft-{draft.key}")
    Draft.objects.filter(pk=draft.pk).update(run=run)
    return run


@transaction.atomic
def discard(*, draft: Draft, by: User) -> None:
    require(by, "draft.change", draft)
    record("draft.discard", draft.key, by=by, before=draft.values)
    draft.delete()
