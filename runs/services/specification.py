"""From what was asked to what the engine gets: every default filled in, every name turned into a path."""

from runs import wiring
from runs.contract.folder import RunFolder
from runs.contract.inputs import DataFile, Device, ModelSource
from runs.contract.request import RunRequest
from runs.contract.spec import DEFAULT_CONTEXT_LENGTH, Hyperparameters, RunSpec
from runs.models import BaseModel, DataSet, Run
from runs.services import lineage
from runs.services.refused import Unfit

DEFAULT_LEARNING_RATE = 2e-5  # AdamW, full fine-tuning, where the catalog knows no better
LORA_RATE = 10  # times the rate for all parameters: Schulman et al. 2025, "LoRA Without Regret", over many models and data sets
LION_RATE = 1 / 3  # times AdamW's: Chen et al. 2023 advise a third to a tenth, and a third scored better here: docs/quality.md


def resolved(asked: RunRequest, model: BaseModel) -> Hyperparameters:
    """Hyperparameters without gaps: what was asked, else the model's defaults, else the general ones."""
    wanted = asked.hyperparameters()
    given = wanted.model_dump(exclude_unset=True, exclude_none=True)
    general = {
        "learning_rate": DEFAULT_LEARNING_RATE,
        "context_length": min(DEFAULT_CONTEXT_LENGTH, model.max_context_length),
    }
    known = {key: value for key, value in model.defaults.items() if key in Hyperparameters.model_fields}
    found = Hyperparameters.model_validate({**general, **known, **given})
    times = (1 if found.method == "full" else LORA_RATE) * (LION_RATE if found.optimizer == "lion" else 1)
    if times == 1 or "learning_rate" in given or found.learning_rate is None:
        return found
    return found.model_copy(update={"learning_rate": float(f"{times * found.learning_rate:.3g}")})


def _data_file(dataset: DataSet) -> DataFile:
    return DataFile(
        path=wiring.dataset_file(dataset.digest),
        digest=dataset.digest,
        rows=dataset.rows,
        name=dataset.name,
        source=dataset.source,
        source_version=dataset.source_version,
        mapping=dataset.mapping or "",
        derivation=dataset.derivation,
    )


def specification(run: Run, folder: RunFolder) -> RunSpec:
    """The run's specification, made at the first start. Later only its device changes, and its engine notes the provenance."""
    made = folder.read_spec() if folder.has_spec else _build(run)
    return made.model_copy(update={"device": _device(run)})


def _device(run: Run) -> Device:
    if run.device_kind == "cuda":
        return Device(kind="cuda", indices=tuple(run.device_indices), threads=wiring.engine_threads())
    return Device(kind="cpu", threads=wiring.engine_threads())


def _build(run: Run) -> RunSpec:
    if run.dataset is None:
        raise Unfit(f"The data of {run.name} are not checked, so its specification is not settled.")
    made = spec_of(run.name, run.asked, run.base_model, run.dataset, run.eval_dataset, lineage.starting_point(run))
    return made.model_copy(update={"lineage": tuple(earlier.label for earlier in lineage.chain(run))})


def spec_of(
    name: str,
    asked: RunRequest,
    model: BaseModel,
    dataset: DataSet,
    evaluation: DataSet | None,
    weights: lineage.Weights | None,
) -> RunSpec:
    """What was asked for, resolved; without lineage and device."""
    return RunSpec(
        name=name,
        task_type=asked.task_type,
        base_model=ModelSource(
            name=model.name,
            path=wiring.model_folder(model),
            max_context_length=model.max_context_length,
            licence=model.licence.key,
        ),
        train=_data_file(dataset),
        evaluation=_data_file(evaluation) if evaluation else None,
        eval_prompts=asked.eval_prompts,
        hyperparameters=resolved(asked, model),
        custom_weights_path=weights.folder if weights else None,
    )
