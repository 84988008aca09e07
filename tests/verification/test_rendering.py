"""Our rendering is transformers' rendering, token for token: in every style of template, and for the real demo model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.contract.spec import TaskType
from runs.data.rendering import Renderer, TemplateError
from runs.data.rows import read_rows
from runs.data.samples import HELPDESK
from tests.chats import STYLES, write_style

transformers = pytest.importorskip("transformers")

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
WITH_TEMPLATE = [name for name, style in STYLES.items() if style.template]
TEXTS = [
    "Hello",
    "  spaces at both ends  ",
    "two\n\nlines\n",
    "émoji 😀 and 漢字",
    '{"a": [1, 2]}',
    "    indented\n\tcode()",
    ".",
]


def chat(*contents: str, system: str | None = None) -> list[dict[str, str]]:
    turns = [{"role": ("user", "assistant")[index % 2], "content": content} for index, content in enumerate(contents)]
    return ([{"role": "system", "content": system}] if system is not None else []) + turns


class Both:
    """One model folder, read by us and by transformers."""

    def __init__(self, folder: Path) -> None:
        self.ours = Renderer.load(folder)
        self.theirs = transformers.AutoTokenizer.from_pretrained(folder)

    def agree(self, messages: list[dict[str, str]]) -> None:
        wanted = self.theirs.apply_chat_template(messages, tokenize=True, return_dict=False)
        assert self.ours.encode({"messages": messages}, CHAT).ids == wanted
        prompt = self.theirs.apply_chat_template(messages[:-1], add_generation_prompt=True, tokenize=True, return_dict=False)
        assert self.ours.encode_prompt(messages[:-1]) == prompt


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    home = tmp_path_factory.mktemp("styles")
    return lambda name: write_style(name, home / name)


@pytest.fixture(scope="module", params=WITH_TEMPLATE)
def both(request: pytest.FixtureRequest, folder: Callable[[str], Path]) -> Both:
    pair = Both(folder(request.param))
    pair.style = STYLES[request.param]  # type: ignore[attr-defined]
    return pair


@pytest.mark.parametrize("text", TEXTS)
def test_every_style_gives_the_tokens_of_transformers(both: Both, text: str) -> None:
    both.agree(chat("What?", text))
    both.agree(chat(text, "one", text, "two", "three", text))


@pytest.mark.parametrize("text", TEXTS)
def test_system_messages_too_where_the_template_takes_them(both: Both, text: str) -> None:
    messages = chat("What?", "That.", "And?", text, system=text)
    if both.style.takes_system:  # type: ignore[attr-defined]
        both.agree(messages)
        return
    with pytest.raises(Exception, match=r"alternate|not supported"):
        both.theirs.apply_chat_template(messages)
    with pytest.raises(TemplateError, match="accepts no system message"):
        both.ours.encode({"messages": messages}, CHAT)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), min_size=2, max_size=6).filter(
        lambda found: len(found) % 2 == 0
    )
)
def test_any_text_gives_the_tokens_of_transformers(both: Both, contents: list[str]) -> None:
    both.agree(chat(*contents))


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("text", TEXTS)
def test_raw_text_gives_the_tokens_of_transformers_and_ends_once(name: str, text: str, folder: Callable[[str], Path]) -> None:
    pair = Both(folder(name))
    assert pair.ours.encode({"text": text}, TEXT).ids == [*pair.theirs(text)["input_ids"], pair.theirs.eos_token_id]
    assert pair.ours.encode_text(text) == pair.theirs(text)["input_ids"]


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("text", TEXTS)
def test_instruction_rows_are_two_tokenizations_with_one_bos(name: str, text: str, folder: Callable[[str], Path]) -> None:
    pair = Both(folder(name))
    prompt, response = (pair.theirs(part)["input_ids"] for part in (text, text[::-1]))
    if pair.theirs.bos_token_id is not None and response[:1] == [pair.theirs.bos_token_id]:
        response = response[1:]
    encoded = pair.ours.encode({"prompt": text, "response": text[::-1]}, INSTRUCTION)
    assert encoded.ids == [*prompt, *response, pair.theirs.eos_token_id]
    assert encoded.trained == [False] * len(prompt) + [True] * (len(response) + 1)


@pytest.mark.parametrize("text", [text for text in TEXTS if not text.startswith(" ")])
def test_generation_blocks_train_what_transformers_masks(text: str, folder: Callable[[str], Path]) -> None:
    pair, messages = Both(folder("generation")), chat("What?", text, "And?", "That.")
    wanted = pair.theirs.apply_chat_template(messages, return_assistant_tokens_mask=True, return_dict=True)
    encoded = pair.ours.encode({"messages": messages}, CHAT)
    assert encoded.ids == wanted["input_ids"]
    assert encoded.trained == [bool(mark) for mark in wanted["assistant_masks"]]


def test_spaces_that_open_an_answer_are_trained_although_transformers_masks_them(folder: Callable[[str], Path]) -> None:
    pair, messages = Both(folder("generation")), chat("What?", "   indented")
    theirs = pair.theirs.apply_chat_template(messages, return_assistant_tokens_mask=True, return_dict=True)["assistant_masks"]
    ours = pair.ours.encode({"messages": messages}, CHAT)
    trained = [number for number, trained in zip(ours.ids, ours.trained, strict=True) if trained]
    assert pair.ours.decode(trained, specials=True) == "   indented<|im_end|>"
    assert all(trained for trained, mark in zip(ours.trained, theirs, strict=True) if mark)


def test_a_template_inside_the_tokenizer_settings_is_found_as_text_or_in_a_list(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    write_style("chatml", tmp_path)
    template = (tmp_path / "chat_template.jinja").read_text()
    (tmp_path / "chat_template.jinja").unlink()
    settings_file = tmp_path / "tokenizer_config.json"
    plain: dict[str, Any] = json.loads(settings_file.read_text())
    other = {"name": "tool_use", "template": "unused"}
    for written in (template, [other, {"name": "default", "template": template}]):
        settings_file.write_text(json.dumps({**plain, "chat_template": written}))
        Both(tmp_path).agree(chat("What?", "That."))


def test_special_tokens_may_be_written_as_objects(tmp_path: Path) -> None:
    write_style("mistral", tmp_path)
    written = {
        "bos_token": {"content": "<s>", "__type": "AddedToken"},
        "eos_token": {"content": "</s>", "__type": "AddedToken"},
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **written}))
    Both(tmp_path).agree(chat("What?", "That."))


@pytest.fixture(scope="module")
def smollm() -> Both:
    from django.conf import settings as django

    from finetuning_ui.env import PROJECT

    places = [Path(root, "HuggingFaceTB/SmolLM2-135M-Instruct") for root in (django.MODELS_DIR, PROJECT / "var" / "models")]
    found = next((place for place in places if (place / "tokenizer.json").is_file()), None)
    if found is None:
        pytest.skip("SmolLM2 is not on this machine yet; `make demo` fetches it")
    return Both(found)


def test_the_demo_model_reads_the_demo_data_as_transformers_does(smollm: Both) -> None:
    for name in ("train", "heldout"):
        for row in read_rows(HELPDESK / f"{name}.jsonl"):
            smollm.agree(row["messages"])


def test_a_row_of_the_demo_data_is_short_enough_for_the_demo(smollm: Both) -> None:
    lengths = [len(encoded.ids) for encoded in smollm.ours.encode_many(read_rows(HELPDESK / "train.jsonl"), CHAT)]
    assert 45 <= sum(lengths) / len(lengths) <= 65
    assert max(lengths) <= 80
