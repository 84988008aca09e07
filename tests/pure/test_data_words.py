"""A text has as many tokens as its words have: for each way of parting texts that is known, whatever is written."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from runs.data import words as module
from runs.data.parting import PATTERNS, parts_at_spaces, words
from runs.data.words import Piece, Words
from tests.chats import CORPUS

GPT2 = min(PATTERNS, key=len)
MARKS = st.sampled_from(
    [" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u2003", "\u180e", "\u200b", "\ufeff", "\x1f", "\x85", "a", "Answer",
     "'s", "'LL", "0", "12", "3456", ".", "...", "/", "é",
     "e\u0301", "\u0301", "漢字", "😀", "ß", "<|im_end|>", "<|im", "_", "ǅ", "٣", "\u2028"]
)  # fmt: skip
texts = st.lists(st.one_of(MARKS, st.text(max_size=3)), max_size=12).map("".join)


@cache
def tokenizer(pattern: str, digits: bool = False) -> Tokenizer:
    made = Tokenizer(models.BPE())
    parting = [
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    if digits:
        parting = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    made.pre_tokenizer = pre_tokenizers.Sequence(parting)
    made.normalizer = normalizers.NFC()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        [*CORPUS, " \n\n  .\n  .\n \t x  y\n\n"] * 3,
        trainers.BpeTrainer(vocab_size=900, special_tokens=["<|im_end|>"], initial_alphabet=alphabet, show_progress=False),
    )
    return made


@settings(deadline=None, max_examples=80)
@given(texts)
def test_the_words_are_the_text(text: str) -> None:
    first, *others = words(text)
    assert first + "".join(f" {word}" for word in others) == text


@pytest.mark.parametrize("digits", [False, True])
@pytest.mark.parametrize("pattern", sorted(PATTERNS))
@settings(deadline=None, max_examples=25)
@given(texts)
def test_words_have_the_tokens_of_the_text(pattern: str, digits: bool, text: str) -> None:
    alone = tokenizer(pattern, digits)
    parted = [word if place == 0 else f" {word}" for place, word in enumerate(words(text))]
    assert [number for word in parted for number in alone.encode(word).ids] == alone.encode(text).ids


def counted(found: Words, pieces: list[Piece]) -> list[tuple[int, int] | None]:
    encode, count = found.work(pieces)
    return count(encode())


@pytest.mark.parametrize("worth", [0.0, 100.0])
def test_pieces_are_counted_alike_by_words_and_as_a_whole(worth: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTH", worth)
    alone = tokenizer(GPT2)
    frame = tuple(alone.encode("user:").ids)
    spelled = "user:"
    found = Words(alone)
    for said in ("Answer briefly. Answer", " Answer\n\n briefly", ":a b b b", "0 漢字 \n x"):
        piece = Piece("user:", frame, spelled, said)
        whole = alone.encode("user:" + said)
        shared = tuple(whole.ids[: len(frame)]) != frame
        [both] = counted(found, [piece])
        assert both is not None
        assert sum(both) == len(whole.ids)
        assert shared or both[0] == len(frame)


def test_little_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way is counted by what it knew."""
    monkeypatch.setattr(module, "REMEMBERED", 10)
    alone = tokenizer(GPT2)
    found, under_way = Words(alone), []
    for number in range(40):
        said = " ".join(f"{number} {word} the same words again and again" for word in "abcdefgh")
        encode, count = found.work([Piece("", (), "", said)])
        under_way.append((len(alone.encode(said).ids), count, encode()))
        if len(under_way) > 1:
            wanted, count, encodings = under_way.pop(0)
            assert count(encodings) == [(0, wanted)]
    assert len(found._known) < 60


@pytest.mark.parametrize(
    "change",
    [
        lambda made: setattr(made, "normalizer", normalizers.NFKC()),
        lambda made: setattr(made, "pre_tokenizer", pre_tokenizers.ByteLevel(add_prefix_space=True)),
        lambda made: setattr(made, "pre_tokenizer", pre_tokenizers.Metaspace()),
        lambda made: setattr(made, "pre_tokenizer", pre_tokenizers.Split(Regex(r"\w+\s?"), "isolated")),
        lambda made: made.add_tokens(["two words"]),
        lambda made: made.add_tokens([AddedToken("<mask>", lstrip=True)]),
    ],
)
def test_a_tokenizer_that_looks_beyond_a_space_gets_whole_texts(change: object) -> None:
    made = Tokenizer.from_str(tokenizer(GPT2).to_str())
    assert parts_at_spaces(made)
    assert callable(change)
    change(made)
    assert not parts_at_spaces(made)
