"""Copies and near copies: found, and nothing else; the likeness that is stated is the one that is measured."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.contract.spec import TaskType
from runs.data import similarity, twins
from runs.data.contents import batches, contents
from runs.data.rows import Row, write_row
from runs.data.twins import Found, Twins
from runs.data.wording import plain, said

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
WORDS = [word for word in (Path(__file__).read_text() + Path(similarity.__file__).read_text()).split() if plain(word)]


def sentence(number: int, length: int = 30) -> str:
    return " ".join(random.Random(number).choices(WORDS, k=length))


def pair(prompt: str, response: str = "Yes.") -> Row:
    return {"prompt": prompt, "response": response}


def look(folder: Path, rows: list[Row], task: TaskType = INSTRUCTION) -> Found:
    path = folder / "rows.jsonl"
    path.write_bytes(b"".join(map(write_row, rows)))
    twins = Twins(path, task)
    for lines in batches(path):
        twins.add(lines, [said(row, task) for row in rows[len(twins.pool.offsets) - 1 :][: len(lines)]])
    return twins.found()


def test_planted_copies_are_found_and_named_with_the_row_that_they_repeat(tmp_path: Path) -> None:
    rows = [pair(sentence(number), sentence(-number)) for number in range(1_300)]
    rows[700] = rows[20]
    rows[1_250] = pair(rows[33]["prompt"] + " please", rows[33]["response"].upper())
    rows[1_299] = pair(rows[5]["prompt"], "Something else entirely.")
    found = look(tmp_path, rows)
    assert found.compared == 1_300
    assert found.exact == [(700, 20)]
    assert (1_250, 33) in found.near
    assert all(similarity.jaccard(*(similarity.pieces(f"{rows[at]['prompt']}\n{rows[at]['response']}") for at in both))
               >= similarity.THRESHOLD for both in found.near)  # fmt: skip
    assert (1_299, 5) in found.conflicts


def test_what_all_rows_share_makes_no_two_of_them_alike(tmp_path: Path) -> None:
    frame = sentence(1, 120)
    rows = [pair(f"{frame}\nQuestion: {sentence(number, 12)}") for number in range(2, 60)]
    assert look(tmp_path, rows).near == []
    assert len(look(tmp_path, [*rows, pair(f"{frame}\nQuestion: {sentence(7, 12)} ok")]).near) == 1


def test_the_system_prompt_does_not_count(tmp_path: Path) -> None:
    def chat(question: str) -> Row:
        roles = (("system", sentence(1, 200)), ("user", question), ("assistant", "Yes."))
        return {"messages": [{"role": role, "content": content} for role, content in roles]}

    rows = [chat(sentence(number)) for number in range(2, 8)]
    assert look(tmp_path, rows, CHAT).near == []


def test_of_a_chain_of_near_copies_one_stays_for_each_that_differs_from_it(tmp_path: Path) -> None:
    words = [f"{random.Random(at).randrange(10**7):07d}" for at in range(100)]
    fresh = [word[::-1] for word in words]
    chain = [pair(" ".join([*fresh[:changed], *words[changed:]])) for changed in (0, 8, 16)]
    found = look(tmp_path, chain)
    assert found.near == [(1, 0)], "the third is like the second, which goes, and not enough like the first"


def test_rows_without_a_word_are_no_copies_of_each_other(tmp_path: Path) -> None:
    assert look(tmp_path, [{"text": "!!!"}, {"text": "???"}, {"text": "... -"}], TEXT).near == []
    assert look(tmp_path, [], TEXT) == Found(0, [], [], [])


@pytest.mark.parametrize(("wanted", "least", "most"), [(0.5, 0.3, 0.65), (0.8, 0.97, 1), (0.9, 1, 1)])
def test_sketches_meet_as_often_as_the_formula_says(wanted: float, least: float, most: float) -> None:
    chance, met, size = random.Random(1), 0, 200
    for _ in range(200):
        shared = round(2 * size * wanted / (1 + wanted))
        pool = np.array(chance.sample(range(1, 2**62), 2 * size - shared), np.uint64)
        one, other = np.sort(pool[:size]), np.sort(pool[size - shared :])
        assert similarity.jaccard(one, other) == pytest.approx(wanted, abs=0.01)
        met += bool((np.equal(*similarity.bands([one, other]))).any())
    assert least <= met / 200 <= most


def test_sketches_are_the_same_in_every_process() -> None:
    (row,) = similarity.bands([similarity.pieces("Which planet is the largest? Jupiter is.")])
    assert row[:3].tolist() == KNOWN


def test_many_texts_are_sketched_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "GROUP", 300)
    texts = ["ab", "", "!?", "Es regnet.", "漢字 und mehr als fünf", "\ud800 alone and more", "x" * 30_000]
    texts += [sentence(number, number % 40) for number in range(200)]
    for left_out in (similarity.pieces(""), similarity.pieces(" ".join(texts[7:60]))):
        wanted = [similarity.without(similarity.pieces(text), left_out) for text in texts]
        worded, bands = similarity.sketches(texts, left_out)
        assert worded.tolist() == [len(one) > 0 for one in wanted]
        assert (bands[worded] == similarity.bands([one for one in wanted if len(one)])).all()
        assert all((one == other).all() for one, other in zip(similarity.many(texts, left_out), wanted, strict=True))


@given(st.text(st.characters(codec="utf-8")) | st.text(st.characters(codec="ascii")))
def test_plain_ascii_is_what_any_text_becomes(text: str) -> None:
    assert plain(text) == re.sub(r"[\W_]+", " ", text.casefold()).strip()


def test_sketches_do_not_depend_on_the_company() -> None:
    texts = [similarity.pieces(sentence(number, number)) for number in range(1, 300)]
    together = similarity.bands(texts)
    assert all((similarity.bands([text])[0] == row).all() for text, row in zip(texts, together, strict=True))


def test_case_punctuation_and_spacing_do_not_count() -> None:
    one, other = similarity.pieces("Hello,  World! Well?"), similarity.pieces("hello world\nwell")
    assert similarity.jaccard(one, other) == 1
    assert len(similarity.pieces("ab")) == 1
    assert len(similarity.pieces(" !?")) == 0


KNOWN = [2493772483, 1426563238, 7472801]


def test_what_is_left_to_compare_is_left_in_the_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "CONFIRMED", 50)
    path, told = tmp_path / "rows.jsonl", list[int]()
    rows = [pair(f"{sentence(number % 300, 30)} {number}") for number in range(1_200)]
    path.write_bytes(b"".join(map(write_row, rows)))
    contents(path, INSTRUCTION, told.append)
    assert told == sorted(told)
    assert told[2] < 800, "all rows are read, and hundreds are still to be compared"
    assert told[-1] == 1_200
    assert len(told) > 10
