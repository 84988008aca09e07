"""Whether the registered model sees a prompt as it was trained to: the same token ids. Loads transformers, no weights."""

from itertools import zip_longest
from pathlib import Path

import mlflow
from transformers import AutoTokenizer

from runs.data.rendering import Renderer
from runs.registry.protocol import PublishFailed

PROMPT = "In  2024, what is 12 × 3?\n\nAnswer “in one word”, naïvely: "  # spaces, digits and letters that tokenizers differ on


def check_tokens(tracking_uri: str, model_id: str, trained: Path, *, chat: bool) -> None:
    """Compare the tokenizer in MLflow with training's; raise PublishFailed where they differ."""
    mlflow.set_tracking_uri(tracking_uri)
    stored = f"{mlflow.get_logged_model(model_id).artifact_location}/components/tokenizer"  # not the gigabytes beside it
    folder = mlflow.artifacts.download_artifacts(stored, tracking_uri=tracking_uri)
    served = AutoTokenizer.from_pretrained(folder)  # nosec B615 # a folder
    renderer = Renderer.load(trained)
    if chat:
        messages = [{"role": "user", "content": PROMPT}]
        text = served.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ours, theirs = renderer.encode_prompt(messages), served(text, add_special_tokens=False)["input_ids"]
    else:
        ours, theirs = renderer.encode_text(PROMPT), served(PROMPT)["input_ids"]
    if ours != theirs:
        at = next(place for place, (one, other) in enumerate(zip_longest(ours, theirs)) if one != other)
        raise PublishFailed(
            f"The registered model would read a prompt differently from how it was trained: from token {at} on, training has "
            f"{ours[at : at + 5]} and serving {theirs[at : at + 5]}. Its tokenizer files do not agree with each other."
        )
