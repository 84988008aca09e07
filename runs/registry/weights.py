"""Log a model folder to MLflow as a text-generation pipeline that answers `mlflow.pyfunc`. Loads torch."""

from typing import Any

import mlflow
import mlflow.transformers
from huggingface_hub import ModelCard
from transformers import AutoModelForCausalLM, AutoTokenizer, Pipeline, pipeline

from runs.contract.folder import RunFolder
from runs.contract.spec import RunSpec, TaskType
from runs.data.rendering import Renderer
from runs.data.vocabulary import Vocabulary
from runs.registry import papers
from runs.registry.card import card
from runs.registry.history import read_history
from runs.registry.protocol import RUN_TAG, Publication, PublishFailed

ANSWER_TOKENS = 512  # longest answer when the caller does not say max_tokens
EXAMPLE_TOKENS = 8  # of the example's, which MLflow has the model answer before it is registered


def log(tracking_uri: str, publication: Publication, spec: RunSpec, folder: RunFolder) -> str:
    """Log <run>/model to the run's experiment; return the logged model's id. Raises PublishFailed without a model."""
    mlflow.set_tracking_uri(tracking_uri)
    chat = spec.task_type == TaskType.CHAT_COMPLETION
    task = "llm/v1/chat" if chat else "llm/v1/completions"
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello!"}]} if chat else {"prompt": "Hello!"}
    with mlflow.start_run(run_id=publication.mlflow_run_id):
        info = mlflow.transformers.log_model(
            _pipeline(folder, publication.name),
            name="model",
            task=task,
            pip_requirements=papers.requirements(),
            input_example={**asked, "max_tokens": EXAMPLE_TOKENS},
            model_config=_answering(chat),
            model_card=ModelCard(card(publication, spec, read_history(folder))),
            metadata={
                "task": task,
                "databricks_model_source": "genai-fine-tuning",
                "pretrained_model_name": spec.base_model.name,
                "run": publication.run_name,
            },
            tags={RUN_TAG: publication.run_name},
        )
    return str(info.model_id)


def _answering(chat: bool) -> dict[str, Any]:
    """Defaults of a prediction. A chat template writes its own BOS; the last setting keeps it from being doubled."""
    greedy = {"max_new_tokens": ANSWER_TOKENS, "do_sample": False}
    return {**greedy, "add_special_tokens": False} if chat else greedy


def _pipeline(folder: RunFolder, name: str) -> Pipeline:
    """In memory, because MLflow 3.17 cannot log a folder with transformers 5."""
    try:
        model = AutoModelForCausalLM.from_pretrained(folder.model, dtype="auto", use_safetensors=True)  # nosec B615 # a folder
        tokenizer = AutoTokenizer.from_pretrained(folder.model)  # nosec B615 # a folder
        renderer = Renderer.load(folder.model)
    except (OSError, ValueError) as error:
        raise PublishFailed(f"The finished model cannot be read: {error}") from error
    tokenizer.chat_template = tokenizer.chat_template or Vocabulary.load(folder.model).template
    model.name_or_path = f"models:/{name}"  # not a hub's name: MLflow would go and ask there
    if renderer.eos_ids:
        model.generation_config.eos_token_id = list(renderer.eos_ids)
        model.generation_config.pad_token_id = renderer.eos_ids[0]
    return pipeline("text-generation", model=model, tokenizer=tokenizer)
