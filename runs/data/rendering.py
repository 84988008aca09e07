"""Rows to tokens: the one tokenization that the engine trains on and the web shows.

Equal token for token to transformers' `apply_chat_template` (see tests/verification). Knows nothing of packing or truncation.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from tokenizers import Encoding
from tokenizers.decoders import DecodeStream

from runs.contract.spec import TaskType
from runs.data.ahead import Work, worked
from runs.data.answers import Answers, Rendered
from runs.data.counting import counted_chat
from runs.data.encoded import Counted, Encoded, counted
from runs.data.rows import Row
from runs.data.segments import Planner
from runs.data.template import ChatTemplate, Message, TemplateError
from runs.data.touching import touching
from runs.data.vocabulary import Vocabulary
from runs.data.words import Words

__all__ = ["Counted", "Encoded", "Piece", "Renderer", "TemplateError"]


Tokens = tuple[list[Encoding], list[Encoding]]  # of pieces, and of whole rows


@dataclass(frozen=True, slots=True)
class Piece:
    """A token for display. Texts joined are the row as the model sees it; part of a character has an empty text."""

    text: str
    id: int
    trained: bool
    special: bool


class Renderer:
    """Turns rows of each task type into tokens with one model's tokenizer and chat template."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._tokenizer = vocabulary.tokenizer
        self._special_ids = vocabulary.special_ids
        self.template = ChatTemplate(vocabulary.template, vocabulary.named)
        texts = (self._tokenizer.id_to_token(number) for number in sorted(self._special_ids))
        self.specials = [text for text in texts if text]
        self._answers = Answers(self.template, self.specials)
        self._planner, self._words = Planner(self._tokenizer), Words(self._tokenizer)
        self.bos_id = vocabulary.id_of("bos_token")
        self.eos_ids = vocabulary.eos_ids
        self.eos_id = self.eos_ids[0] if self.eos_ids else None

    @classmethod
    def load(cls, folder: Path) -> "Renderer":
        """Read a model folder; raise TemplateError with a sentence for the user."""
        return cls(Vocabulary.load(folder))

    def encode(self, row: Row, task: TaskType) -> Encoded:
        """One canonical row as tokens. Raises TemplateError when the model's template refuses it."""
        return next(self.encode_many([row], task))

    def encode_many(self, rows: Iterable[Row], task: TaskType) -> Iterator[Encoded]:
        """Many rows, in order, on all cores. Raises TemplateError at the first row that the template refuses."""
        prepare: Callable[[Sequence[Row]], Work[list[Encoding], Encoded]] = {
            TaskType.CHAT_COMPLETION: self._chats,
            TaskType.INSTRUCTION_FINETUNE: self._instructions,
            TaskType.CONTINUED_PRETRAIN: self._texts,
        }[task]
        yield from worked(rows, prepare)

    def count_many(self, rows: Iterable[Row], task: TaskType) -> Iterator[Counted]:
        """What `encode_many` gives, only counted."""
        if task is TaskType.CHAT_COMPLETION:
            yield from worked(rows, self._counted_chats)
        else:
            yield from map(counted, self.encode_many(rows, task))

    def render_prompt(self, messages: Sequence[Message]) -> str:
        """The conversation as text, up to where the model goes on."""
        return self.template.render(messages, prompt=True)

    def encode_prompt(self, messages: Sequence[Message]) -> list[int]:
        """The conversation as token ids, up to where the model goes on."""
        ids: list[int] = self._tokenizer.encode(self.render_prompt(messages), add_special_tokens=False).ids
        return ids

    def encode_text(self, text: str) -> list[int]:
        """Raw text with the tokenizer's own BOS and without EOS: a prompt of instruction or continued pretraining."""
        return self._without_eos(self._tokenizer.encode(text).ids)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by itself, without special tokens."""
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int], *, specials: bool = False) -> str:
        """Token ids as text; special tokens are left out unless asked for."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=not specials)
        return text

    def pieces(self, encoded: Encoded, most: int | None = None) -> list[Piece]:
        """Each token with its text, for the view of what the model sees; of a long row the first `most`."""
        stream = DecodeStream(skip_special_tokens=False)
        return [
            Piece(stream.step(self._tokenizer, number) or "", number, trained, number in self._special_ids)
            for number, trained in zip(encoded.ids[:most], encoded.trained[:most], strict=True)
        ]

    def _chats(self, rows: Sequence[Row]) -> Work[list[Encoding], Encoded]:
        rendered = [self._answers.render(row["messages"]) for row in rows]
        return self._encoding(rendered), lambda encodings: map(_marked, encodings, rendered)

    def _counted_chats(self, rows: Sequence[Row]) -> Work[Tokens, Counted]:
        rendered = [self._answers.render(row["messages"]) for row in rows]
        plans = [self._planner.plan(one.frame) if one.frame else None for one in rendered]
        pieces = [plan.pieces(one.text, one.contents or ()) if plan else [] for one, plan in zip(rendered, plans, strict=True)]
        new, count = self._words.work(list(chain.from_iterable(pieces)))
        whole = self._encoding([one for one, plan in zip(rendered, plans, strict=True) if plan is None])

        def finish(tokens: Tokens) -> Iterator[Counted]:
            own, others = iter(count(tokens[0])), iter(tokens[1])
            for row, one, plan, its in zip(rows, rendered, plans, pieces, strict=True):
                found = plan.counted(list(islice(own, len(its)))) if plan else None
                yield found or self._counted_chat(row, one, next(others) if plan is None else self._encoding([one])()[0])

        return lambda: (new(), whole()), finish

    def _counted_chat(self, row: Row, rendered: Rendered, encoding: Encoding) -> Counted:
        """From the row as a whole."""
        found = counted_chat(encoding, rendered, [message["role"] for message in row["messages"]])
        return found if found.roles is not None else replace(found, roles=self._alone(row["messages"]))

    def _alone(self, messages: Sequence[Message]) -> dict[str, int]:
        """Tokens of each content by itself, where the template moves or changes what was said."""
        asked = [message for message in messages if message["role"] != "assistant"]
        found: Counter[str] = Counter()
        for message, length in zip(asked, self.lengths([message["content"] for message in asked]), strict=True):
            found[message["role"]] += length
        return found

    def _encoding(self, rendered: Sequence[Rendered]) -> Callable[[], list[Encoding]]:
        texts = [one.text for one in rendered]
        return lambda: self._tokenizer.encode_batch(texts, add_special_tokens=False)

    def _instructions(self, rows: Sequence[Row]) -> Work[list[Encoding], Encoded]:
        """Prompt and response apart, each as it is; the response loses a second BOS and ends with one EOS."""
        texts = [row["prompt"] for row in rows] + [row["response"] for row in rows]

        def finish(encodings: list[Encoding]) -> Iterator[Encoded]:
            for prompt, response in zip(encodings[: len(rows)], encodings[len(rows) :], strict=True):
                asked, answered = self._without_eos(prompt.ids), self._with_eos(response.ids)
                if self.bos_id is not None and answered[:1] == [self.bos_id]:
                    del answered[0]
                yield Encoded(asked + answered, [False] * len(asked) + [True] * len(answered))

        return lambda: self._tokenizer.encode_batch_fast(texts), finish

    def _texts(self, rows: Sequence[Row]) -> Work[list[Encoding], Encoded]:
        """Whole documents begin with the tokenizer's own BOS and end with EOS; parts of a long one only at its two ends."""
        beginning = [row["text"] for row in rows if not _inside(row)]
        inside = [row["text"] for row in rows if _inside(row)]

        def encode() -> list[Encoding]:
            bare = self._tokenizer.encode_batch_fast(inside, add_special_tokens=False)
            return [*self._tokenizer.encode_batch_fast(beginning), *bare]

        def finish(encodings: list[Encoding]) -> Iterator[Encoded]:
            begun, gone_on = iter(encodings[: len(beginning)]), iter(encodings[len(beginning) :])
            for row in rows:
                ids = next(gone_on if _inside(row) else begun).ids
                ids = self._with_eos(ids) if row.get("part") in (None, "last") else self._without_eos(ids)
                yield Encoded(ids, [True] * len(ids))

        return encode, finish

    def _with_eos(self, ids: list[int]) -> list[int]:
        return ids if self.eos_id is None or ids[-1:] == [self.eos_id] else [*ids, self.eos_id]

    def _without_eos(self, ids: list[int]) -> list[int]:
        return ids[:-1] if self.eos_id is not None and ids[-1:] == [self.eos_id] else ids


def _inside(row: Row) -> bool:
    """Whether the row goes on with a document that an earlier row began."""
    return row.get("part") in ("middle", "last")


def _marked(encoding: Encoding, row: Rendered) -> Encoded:
    """Train on every token that touches an answer."""
    trained = [False] * len(encoding)
    for span in row.answers:
        first, past = touching(encoding, span, len(row.text))
        trained[first:past] = [True] * max(0, past - first)
    return Encoded(encoding.ids, trained)
