"""Which settings cost the same, so that one probe tells of all of them."""

import hashlib
import json
from typing import Any

from runs import wiring
from runs.contract.request import RunRequest
from runs.contract.spec import Hyperparameters
from runs.data.vocabulary import fingerprint
from runs.models import BaseModel, DataSet

UNIMPORTANT = (  # to what a step, an evaluation and a checkpoint cost
    "training_duration", "learning_rate", "schedule", "warmup_share", "weight_decay", "gradient_clip", "seed", "eval_interval",
    "early_stopping_patience", "keep_checkpoints", "keep_policy", "lora_alpha",
)  # fmt: skip
VERSION = 1  # of what is measured: raised when the same settings would give another result


def key(asked: RunRequest, model: BaseModel, dataset: DataSet, evaluation: DataSet | None, resolved: Hyperparameters) -> str:
    """A digest of everything that costs depend on."""
    told: dict[str, Any] = resolved.model_dump(mode="json", exclude=set(UNIMPORTANT))
    told["lora_dropout"] = resolved.lora_dropout > 0
    told |= {"model": model.name, "files": fingerprint(wiring.model_folder(model)), "task": asked.task_type.value}
    told |= {"rows": dataset.digest, "held out": evaluation.digest if evaluation else "", "prompts": list(asked.eval_prompts)}
    told |= {"weights": asked.custom_weights_path or "", "device": wiring.device_slots()[0].kind}
    told |= {"threads": wiring.engine_threads() or 0, "node": wiring.node(), "version": VERSION}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
