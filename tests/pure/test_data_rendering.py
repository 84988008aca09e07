"""Which tokens are trained, and what a person sees of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runs.contract.spec import TaskType
from runs.data.rendering import Encoded, Renderer, TemplateError
from runs.data.template import ChatTemplate
from tests.chats import STYLES, write_style

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
TWO_TURNS = [
    {"role": "user", "content": "Which planet is the largest?"},
    {"role": "assistant", "content": "Jupiter is."},
    {"role": "user", "content": "Jupiter is."},
    {"role": "assistant", "content": "Yes,\n\n  it is."},
]


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Renderer]:
    home = tmp_path_factory.mktemp("styles")
    return lambda name: Renderer.load(write_style(name, home / name))


def trained_texts(renderer: Renderer, encoded: Encoded) -> list[str]:
    """The runs of trained tokens as text."""
    runs: list[list[int]] = [[]]
    for number, trained in zip(encoded.ids, encoded.trained, strict=True):
        if trained:
            runs[-1].append(number)
        elif runs[-1]:
            runs.append([])
    return [renderer.decode(run, specials=True) for run in runs if run]


@pytest.mark.parametrize("name", STYLES)
def test_each_answer_is_trained_through_its_end_of_turn_and_nothing_else(
    name: str, renderer: Callable[[str], Renderer]
) -> None:
    model, end = renderer(name), STYLES[name].end_of_turn
    texts = trained_texts(model, model.encode({"messages": TWO_TURNS}, CHAT))
    assert len(texts) == 2
    first, last = texts
    assert first.lstrip() == f"Jupiter is.{end}"
    thought = "<think>\n\n</think>\n\n" if name == "thinking" else ""
    assert last.lstrip() == f"{thought}Yes,\n\n  it is.{end}"


@pytest.mark.parametrize("name", [name for name, style in STYLES.items() if style.takes_system])
def test_the_system_message_is_shown_to_the_model_and_not_trained(name: str, renderer: Callable[[str], Renderer]) -> None:
    model = renderer(name)
    encoded = model.encode({"messages": [{"role": "system", "content": "Answer briefly."}, *TWO_TURNS]}, CHAT)
    assert "Answer briefly." in model.decode(encoded.ids)
    assert not any("Answer" in text for text in trained_texts(model, encoded))


@pytest.mark.parametrize("name", ["mistral", "gemma"])
def test_a_model_without_a_system_role_says_so_and_what_to_do(name: str, renderer: Callable[[str], Renderer]) -> None:
    model = renderer(name)
    assert not model.template.accepts_system
    with pytest.raises(TemplateError, match=r"accepts no system message\. Put its text at the start of the first user message"):
        model.encode({"messages": [{"role": "system", "content": "Answer briefly."}, *TWO_TURNS]}, CHAT)


def test_a_refusal_for_another_reason_keeps_the_reason_of_the_template(renderer: Callable[[str], Renderer]) -> None:
    with pytest.raises(
        TemplateError, match="refuses the conversation: After the optional system message, roles must alternate"
    ):
        renderer("mistral").encode({"messages": TWO_TURNS[1:]}, CHAT)


def test_earlier_thoughts_that_the_template_removes_do_not_confuse_it(renderer: Callable[[str], Renderer]) -> None:
    model = renderer("thinking")
    messages = [dict(message) for message in TWO_TURNS]
    messages[1]["content"] = "<think>\nbig, red\n</think>\n\nJupiter is."
    first, _ = trained_texts(model, model.encode({"messages": messages}, CHAT))
    assert first == "Jupiter is.<|im_end|>"


def test_a_template_that_drops_the_answers_is_refused() -> None:
    from runs.data.answers import Answers

    silent = ChatTemplate("{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}", {})
    with pytest.raises(TemplateError, match="leaves out what the assistant says"):
        Answers(silent, []).render(TWO_TURNS)


def test_a_broken_template_is_named_when_the_model_is_loaded() -> None:
    with pytest.raises(TemplateError, match="not valid Jinja"):
        ChatTemplate("{% for %}", {})


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ namespace(__class__=1) }}",
        "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
    ],
)
def test_a_hostile_template_reaches_nothing(attack: str) -> None:
    with pytest.raises(TemplateError):
        ChatTemplate(attack, {}).render(TWO_TURNS)


@pytest.mark.parametrize("name", STYLES)
def test_instruction_trains_the_response_and_one_eos(name: str, renderer: Callable[[str], Renderer]) -> None:
    model = renderer(name)
    encoded = model.encode({"prompt": "Which planet?", "response": " Jupiter is."}, INSTRUCTION)
    assert trained_texts(model, encoded) == [f" Jupiter is.{STYLES[name].eos}"]
    assert encoded.ids.count(model.eos_id) == 1
    assert model.bos_id is None or encoded.ids.count(model.bos_id) == 1


def test_a_long_document_in_parts_begins_and_ends_once(renderer: Callable[[str], Renderer]) -> None:
    model = renderer("llama")
    parts = [("first", "Es regnet.\n"), ("middle", "Es regnet.\n"), ("last", "Es regnet.")]
    encoded = list(model.encode_many([{"text": text, "part": part} for part, text in parts], TEXT))
    ids = [number for part in encoded for number in part.ids]
    assert all(all(part.trained) for part in encoded)
    assert model.decode(ids, specials=True) == "<|begin_of_text|>Es regnet.\nEs regnet.\nEs regnet.<|end_of_text|>"


@pytest.mark.parametrize("name", STYLES)
def test_the_pieces_joined_are_what_the_model_sees(name: str, renderer: Callable[[str], Renderer]) -> None:
    model = renderer(name)
    messages = [{"role": "user", "content": "émoji 😀 漢字"}, {"role": "assistant", "content": "ça va 🙂"}]
    encoded = model.encode({"messages": messages}, CHAT)
    pieces = model.pieces(encoded)
    assert "".join(piece.text for piece in pieces) == model.decode(encoded.ids, specials=True)
    assert [piece.id for piece in pieces] == encoded.ids
    assert [piece.trained for piece in pieces] == encoded.trained
    assert model.pieces(encoded, 3) == pieces[:3]
    special = {piece.text for piece in pieces if piece.special}
    assert special <= set(STYLES[name].specials)
    assert bool(special) == (name != "plain")


def test_many_rows_are_encoded_as_each_alone_and_in_order(renderer: Callable[[str], Renderer]) -> None:
    model = renderer("chatml")
    rows = [{"messages": [TWO_TURNS[0], {"role": "assistant", "content": f"Number {index}."}]} for index in range(1_100)]
    together = list(model.encode_many(iter(rows), CHAT))
    assert len(together) == 1_100
    assert all(together[index] == model.encode(rows[index], CHAT) for index in (0, 511, 512, 1_099))


def test_every_token_that_ends_generation_is_known_the_tokenizers_own_first(tmp_path: Path) -> None:
    write_style("llama", tmp_path)
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [2, 1]}')
    model = Renderer.load(tmp_path)
    assert model.eos_ids == (1, 2)
    assert model.eos_id == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tokenizer.json", None, "tokenizer.json is missing"),
        ("tokenizer.json", "{", "tokenizer.json is missing or cannot be read"),
        ("tokenizer_config.json", "{", "tokenizer_config.json is not valid JSON"),
    ],
)
def test_a_broken_model_folder_is_named(name: str, content: str | None, said: str, tmp_path: Path) -> None:
    write_style("chatml", tmp_path)
    (tmp_path / name).unlink() if content is None else (tmp_path / name).write_text(content)
    with pytest.raises(TemplateError, match=said):
        Renderer.load(tmp_path)


def test_a_folder_with_a_tokenizer_alone_is_enough(tmp_path: Path) -> None:
    write_style("none", tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    model = Renderer.load(tmp_path)
    assert model.eos_id is None
    assert model.encode({"prompt": "a", "response": "b"}, INSTRUCTION).trained == [False, True]
    assert model.render_prompt(TWO_TURNS[:1]).endswith("<|im_start|>assistant\n")
