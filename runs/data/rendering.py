"""Rows to tokens: the one tokenization that the engine trains on and the web shows.

Equal token for token to transformers' `apply_chat_template` (see tests/verification). Knows nothing of packing or truncation.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tokenizers import Encoding
from tokenizers.decoders import DecodeStream

from runs.contract.spec import TaskType
from runs.data.answers import Answers, Span
from runs.data.rows import Row
from runs.data.template import ChatTemplate, Message, TemplateError
from runs.data.vocabulary import Vocabulary

__all__ = ["Encoded", "Piece", "Renderer", "TemplateError"]

BATCH = 512  # rows handed to the tokenizer's threads at once; bounds memory


@dataclass(frozen=True, slots=True)
class Encoded:
    """A row as tokens: `ids` and `trained` have the same length; the loss counts where `trained` is true."""

    ids: list[int]
    trained: list[bool]


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
        encode = {
            TaskType.CHAT_COMPLETION: self._chats,
            TaskType.INSTRUCTION_FINETUNE: self._instructions,
            TaskType.CONTINUED_PRETRAIN: self._texts,
        }[task]
        remaining = iter(rows)
        while batch := list(islice(remaining, BATCH)):
            yield from encode(batch)

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

    def pieces(self, encoded: Encoded) -> list[Piece]:
        """Each token with its text, for the view of what the model sees."""
        stream = DecodeStream(skip_special_tokens=False)
        return [
            Piece(stream.step(self._tokenizer, number) or "", number, trained, number in self._special_ids)
            for number, trained in zip(encoded.ids, encoded.trained, strict=True)
        ]

    def _chats(self, rows: Sequence[Row]) -> Iterator[Encoded]:
        rendered = [self._answers.render(row["messages"]) for row in rows]
        encodings = self._tokenizer.encode_batch([text for text, _ in rendered], add_special_tokens=False)
        for encoding, (_, spans) in zip(encodings, rendered, strict=True):
            yield _with_spans(encoding, spans)

    def _instructions(self, rows: Sequence[Row]) -> Iterator[Encoded]:
        """Prompt and response apart, each as it is; the response loses a second BOS and ends with one EOS."""
        prompts = self._tokenizer.encode_batch_fast([row["prompt"] for row in rows])
        responses = self._tokenizer.encode_batch_fast([row["response"] for row in rows])
        for prompt, response in zip(prompts, responses, strict=True):
            asked, answered = self._without_eos(prompt.ids), self._with_eos(response.ids)
            if self.bos_id is not None and answered[:1] == [self.bos_id]:
                del answered[0]
            yield Encoded(asked + answered, [False] * len(asked) + [True] * len(answered))

    def _texts(self, rows: Sequence[Row]) -> Iterator[Encoded]:
        """Whole documents begin with the tokenizer's own BOS and end with EOS; parts of a long one only at its two ends."""
        whole = self._tokenizer.encode_batch_fast([row["text"] for row in rows])
        bare = self._tokenizer.encode_batch_fast([row["text"] for row in rows if _inside(row)], add_special_tokens=False)
        inside = iter(bare)
        for row, encoding in zip(rows, whole, strict=True):
            ids = next(inside).ids if _inside(row) else encoding.ids
            ids = self._with_eos(ids) if row.get("part") in (None, "last") else self._without_eos(ids)
            yield Encoded(ids, [True] * len(ids))

    def _with_eos(self, ids: list[int]) -> list[int]:
        return ids if self.eos_id is None or ids[-1:] == [self.eos_id] else [*ids, self.eos_id]

    def _without_eos(self, ids: list[int]) -> list[int]:
        return ids[:-1] if self.eos_id is not None and ids[-1:] == [self.eos_id] else ids


def _inside(row: Row) -> bool:
    """Whether the row goes on with a document that an earlier row began."""
    return row.get("part") in ("middle", "last")


def _with_spans(encoding: Encoding, spans: Sequence[Span]) -> Encoded:
    """Train on every token that touches a span; tokens between two that do are inside, even where offsets are trimmed."""
    starts = [start for start, _ in encoding.offsets]
    ends = [end for _, end in encoding.offsets]
    trained = [False] * len(starts)
    for start, end in spans:
        first, past = bisect_right(ends, start), bisect_left(starts, end)
        trained[first:past] = [True] * max(0, past - first)
    return Encoded(encoding.ids, trained)
