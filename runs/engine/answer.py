"""`python -m runs.engine.answer <model folder> <chats.json> <answers.json>`: what a model answers, greedily.

`chats.json` is a list of chats, each a list of messages; `answers.json` will be the list of answers.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from runs.contract.folder import RunFolder
from runs.contract.inputs import Device, ModelSource
from runs.data.rendering import Renderer
from runs.engine import generation, models
from runs.engine.wishes import Wishes

SIDE_BY_SIDE = 20  # chats answered at once: one pass over the weights serves them all


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m runs.engine.answer", description=__doc__)
    for name, what in (("model", "model folder"), ("chats", "JSON file to read"), ("answers", "JSON file to write")):
        parser.add_argument(name, type=Path, help=what)
    parser.add_argument("--tokens", type=int, default=generation.NEW_TOKENS, help="longest answer, in tokens")
    given = parser.parse_args()
    chats = json.loads(given.chats.read_text(encoding="utf-8"))
    answers = list(answer_all(given.model, chats, new_tokens=given.tokens))
    given.answers.write_text(json.dumps(answers, ensure_ascii=False), encoding="utf-8")


def answer_all(folder: Path, chats: Sequence[list[dict[str, Any]]], *, new_tokens: int) -> Iterator[str]:
    """Answers in the order of the chats. Raises Failure when the weights cannot be loaded, TemplateError for a bad chat."""
    renderer = Renderer.load(folder)
    prompts = [renderer.encode_prompt(messages) for messages in chats]
    model = load(folder)
    limit = int(model.config.max_position_embeddings)
    wishes = Wishes(RunFolder(folder))  # nobody stops this but by ending the process
    for start in range(0, len(prompts), SIDE_BY_SIDE):
        some = prompts[start : start + SIDE_BY_SIDE]
        yield from generation.answer(model, renderer, some, limit, wishes, new_tokens=new_tokens)


def load(folder: Path) -> PreTrainedModel:
    source = ModelSource(name=folder.name, path=folder, max_context_length=0)
    device = Device(kind="cuda") if torch.cuda.is_available() else Device()
    return models.load(source, folder, models.device_of(device))


if __name__ == "__main__":
    main()
