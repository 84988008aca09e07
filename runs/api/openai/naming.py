"""Names of this dialect: file-<data set>, ftjob-<run>, ft:<base model>:<team>:<suffix>:<the run's last six letters>."""

import re

from runs.api.openai.door import Missing
from runs.models import DataSet, Run, RunStatus, Taking, User
from runs.services import datasets, lifecycle
from runs.services.refused import NotFound

FILE, JOB, RESULTS = "file-", "ftjob-", "file-results."  # no data set has a dot in its name
CHECKPOINT = ":ckpt-step-"


def file_id(file: DataSet | Taking) -> str:
    return FILE + file.name


def training_file(run: Run) -> str:
    """Of a run whose data are still being checked too, which may lie in a volume."""
    return file_id(run.dataset) if run.dataset else FILE + str(run.request["train_data_path"])


def validation_file(run: Run) -> str | None:
    if run.eval_dataset:
        return file_id(run.eval_dataset)
    return FILE + str(path) if (path := run.request.get("eval_data_path")) else None


def job_id(run: Run) -> str:
    return JOB + run.name


def results_id(run: Run) -> str:
    return RESULTS + run.name


def model_id(run: Run) -> str:
    """As ft:SmolLM2-135M-Instruct:research:helpdesk:8mvusf; the last part is the run's own."""
    return ":".join(["ft", run.base_model.name, organization(run.owner), slug(run.labels.get("suffix", "")), run.name[-6:]])


def slug(text: str) -> str:
    """Lower-case letters, digits and dashes: fits the names of a registry."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def organization(user: User) -> str:
    return slug(user.team.name) if user.team else "personal"


def find_file(by: User, key: str, *, param: str = "id") -> DataSet | Taking:
    """A data set, or a large file of this person's that is still being checked or was refused."""
    name = key.removeprefix(FILE)
    try:
        return datasets.find(by=by, name=name)
    except NotFound:
        if "\x00" not in name and (taken := Taking.objects.files_of(by).filter(name=name).first()):
            return taken
        raise Missing(f"No such File object: {key[:200]}", param=param) from None


def find_run(by: User, key: str) -> Run:
    try:
        return lifecycle.find(by=by, name=key.removeprefix(JOB))
    except NotFound:
        raise Missing(
            f"Could not find fine tune: {key[:200]}", param="fine_tuning_job_id", code="fine_tune_not_found"
        ) from None


def find_results(by: User, key: str) -> Run:
    run = Run.objects.alive().visible_to(by).filter(name=key.removeprefix(RESULTS), status=RunStatus.COMPLETED).first()
    if run is None:
        raise Missing(f"No such File object: {key[:200]}", param="id")
    return run


def find_tuned(by: User, key: str) -> Run | None:
    """The run that made a model called ft:..., if this person may see it."""
    if not re.fullmatch(r"ft:.+:[a-z0-9]{6}", key, flags=re.DOTALL) or "\x00" in key:
        return None
    rows = Run.objects.alive().visible_to(by).filter(name__endswith="-" + key[-6:]).select_related("owner__team", "base_model")
    return next((run for run in rows if model_id(run) == key), None)
