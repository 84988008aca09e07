"""Answers to the evaluation prompts by the weights of this moment: greedy, with a cache, by transformers' own `generate`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path

import torch
from transformers import GenerationConfig, PreTrainedModel, StoppingCriteria, StoppingCriteriaList

from runs.contract.inputs import DataFile
from runs.contract.spec import TaskType
from runs.data.rendering import Renderer
from runs.data.rows import read_rows
from runs.engine import attention
from runs.engine.failure import is_out_of_memory
from runs.engine.gauges import free_memory
from runs.engine.wishes import Wishes

NEW_TOKENS = 100  # at most, per answer
LOOKED_AT = 1_000  # rows in which a common system message is looked for


class _Wished(StoppingCriteria):
    """Ends generation between two tokens when somebody wants the engine to go."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes

    def __call__(self, input_ids: torch.Tensor, _scores: torch.Tensor, **_others: object) -> torch.Tensor:
        return torch.full((len(input_ids),), self._wishes.outcome() is not None, device=input_ids.device)


def encode(prompt: str, renderer: Renderer, data: DataFile, task: TaskType) -> list[int]:
    """A prompt as the task's rows have it: for chats one user message, under the system message that the rows share."""
    if task != TaskType.CHAT_COMPLETION:
        return renderer.encode_text(prompt)
    system = [{"role": "system", "content": text}] if (text := shared_system(data.path)) else []
    return renderer.encode_prompt([*system, {"role": "user", "content": prompt}])


@cache
def shared_system(path: Path) -> str:
    """The system message with which each of the first rows begins; empty when they have none or several."""
    found = {_system(row["messages"]) for row in islice(read_rows(path), LOOKED_AT)}
    return found.pop() if len(found) == 1 else ""


def _system(messages: Sequence[dict[str, str]]) -> str:
    return messages[0]["content"] if messages and messages[0]["role"] == "system" else ""


def answer_sparingly(
    model: PreTrainedModel, renderer: Renderer, prompts: Sequence[list[int]], limit: int, wishes: Wishes
) -> list[str]:
    """`answer`, with half of the prompts side by side where the memory is not enough for all, down to one by one."""
    try:
        return answer(model, renderer, prompts, limit, wishes)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error) or len(prompts) == 1:
            raise
    free_memory(model.device)
    half = len(prompts) // 2
    return [
        found for some in (prompts[:half], prompts[half:]) for found in answer_sparingly(model, renderer, some, limit, wishes)
    ]


@torch.no_grad()
def answer(
    model: PreTrainedModel,
    renderer: Renderer,
    prompts: Sequence[list[int]],
    limit: int,
    wishes: Wishes,
    *,
    new_tokens: int = NEW_TOKENS,
) -> list[str]:
    """One answer per prompt (token ids), side by side. Of a prompt over `limit` tokens the end is used. Raises Leave."""
    prompts = [(ids or [renderer.eos_id or 0])[-max(1, limit - new_tokens) :] for ids in prompts]
    filler = renderer.eos_id or 0
    width = max(map(len, prompts))
    ids = torch.tensor([[filler] * (width - len(prompt)) + prompt for prompt in prompts], device=model.device)
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device)
    greedy = GenerationConfig(
        do_sample=False,
        max_new_tokens=new_tokens,
        eos_token_id=list(renderer.eos_ids) or None,
        pad_token_id=filler,
        use_cache=True,
    )
    with _standard_attention(model):
        found: torch.Tensor = model.generate(  # type: ignore[operator]
            ids, attention_mask=mask, generation_config=greedy, stopping_criteria=StoppingCriteriaList([_Wished(wishes)])
        )
    wishes.check()
    return [renderer.decode(tokens).strip() for tokens in found[:, width:].tolist()]


@contextmanager
def _standard_attention(model: PreTrainedModel) -> Iterator[None]:
    """Generation goes token by token over padded rows, which attention over whole rows is not made for."""
    was_training = model.training
    model.eval()
    model.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        model.set_attn_implementation(attention.NAME)
        model.train(was_training)
