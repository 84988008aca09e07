"""What a template may do with contents without being asked again for each row, and that it is asked wherever it may not."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.data.answers import Answers
from runs.data.passing import WAYS
from runs.data.template import ChatTemplate, Message, TemplateError
from tests.chats import STYLES

EACH = "{% for message in messages %}%s{% endfor %}"
PASSED = {
    "{{ '<' ~ message.content ~ 1 ~ '>' }}": ("<1>", "N"),
    "{{ '<' + message['content'] | trim + '>' }}": ("<>", "B"),
    "{{ ('< ' + message.content).strip() }}>": ("< >", "R"),
    "{{ message.content.lstrip() if message.content is string and message.content is not none else 'none' }}": ("", "L"),
    "{% macro said(m) %}[{{ m.content }}]{% endmacro %}{{ said(message).strip() }}": ("[]", "N"),
    "{% set ns = namespace(text='') %}{% set ns.text = ns.text + message.content %}{{ ns.text }}": ("", "N"),
    "{% if message.content and message.content != '' %}{{ message.content | default('') | string }}{% endif %}": ("", "N"),
    "{{ (messages | map(attribute='content') | list)[loop.index0] }}": ("", "N"),
}
LOOKED = (
    "{% if 'x' in message.content %}{{ message.content }}{% endif %}", "{{ message.content | length }}{{ message.content }}",
    "{{ message.content | upper }}", "{{ message.content.upper() }}", "{{ message | tojson }}", "{{ message }}",
    "{% if message.content == 'x' %}y{% endif %}{{ message.content }}", "{{ message.content.split('x')[0] }}",
    "{{ message.content[0] }}", "{% set text %}{{ message.content }}{% endset %}{{ text }}", "{{ '%s' % message.content }}",
    "{{ messages | map(attribute='content') | join }}", "{% for mark in message.content %}{{ mark }}{% endfor %}",
    "{{ message.content }}{{ ['a', 'b'] | random }}", "{{ message.content }}{{ message.content in ['x'] }}",
    "{{ {'x': 1}.get(message.content) }}{{ message.content }}", "{% filter upper %}{{ message.content }}{% endfilter %}",
    "{{ message.content.strip('x') }}", "{{ message.content is lower }}{{ message.content }}",
    "{{ '{}'.format(message.content) }}", "{{ 'abcx'[message.content] }}{{ message.content }}", "{{ message.content.parts }}",
    "{% macro said() %}{{ message.content }}{% endmacro %}{{ 'y' if 'x' in said() }}{{ said() }}",
    "{{ message.content * 2 }}", "{{ 'x'.startswith(message.content) }}{{ message.content }}", "\ufdd2{{ message.content }}",
    "{{ messages | sort(attribute='content') | length }}{{ message.content }}{{ message.content }}",
)  # fmt: skip
contents = st.one_of(
    st.sampled_from(
        ["A.", " A. ", "\n\n", " ", "x", "</think>", "<|im_end|>", "{{ 7 * 7 }}", "{% raw %}", "\u2028b", "👩\u200d🔬", "\x1f"]
    ),
    st.text(min_size=1, max_size=8),
)


@pytest.mark.parametrize("body", PASSED)
def test_contents_that_are_only_passed_on_are_known_beforehand(body: str) -> None:
    words, way = PASSED[body]
    found = ChatTemplate(EACH.replace("%s", body), {}).passed(["user"])
    assert found is not None
    assert ("".join(found.words), found.places, found.ways) == (words, (0,), (WAYS[way],))


@pytest.mark.parametrize("body", LOOKED)
def test_a_template_that_looks_into_contents_is_asked_for_each(body: str) -> None:
    assert ChatTemplate(EACH.replace("%s", body), {}).passed(["user", "assistant"]) is None


@cache
def both(style: str) -> tuple[Answers, Answers]:
    """With and without what is known beforehand."""
    look = STYLES[style]
    template = ChatTemplate(look.template or "", {"bos_token": look.bos or "", "eos_token": look.eos})
    asked = ChatTemplate(look.template or "", {"bos_token": look.bos or "", "eos_token": look.eos})
    asked.passed = lambda *_, **__: None  # type: ignore[method-assign]
    return Answers(template, look.specials), Answers(asked, look.specials)


@pytest.mark.parametrize("style", [name for name, style in STYLES.items() if style.template])
@settings(deadline=None, max_examples=20)
@given(said=st.lists(contents, min_size=2, max_size=6).filter(lambda found: len(found) % 2 == 0), system=st.none() | contents)
def test_what_is_known_beforehand_is_what_the_template_writes(style: str, said: list[str], system: str | None) -> None:
    messages: list[Message] = [{"role": "system", "content": system}] if system and STYLES[style].takes_system else []
    messages += [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(said)]
    quick, slow = both(style)
    try:
        wanted = slow.render(messages)
    except TemplateError:  # somebody wrote what this template cuts at
        return
    found = quick.render(messages)
    assert (found.text, found.answers) == (wanted.text, wanted.answers)
    if wanted.contents is not None and found.contents is not None:
        assert [found.text[slice(*span)] for span in found.contents] == [wanted.text[slice(*span)] for span in wanted.contents]
        assert all(one[1] <= other[0] for one, other in pairwise(found.contents))


def test_a_new_day_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    style = STYLES["llama"]
    answers = Answers(ChatTemplate(style.template or "", {"bos_token": "<s>"}), style.specials)
    said: list[Message] = [{"role": "user", "content": "A?"}, {"role": "assistant", "content": "B."}]
    day = "1 Jan 2030"
    told: Callable[[str], str] = lambda _: day  # noqa: E731
    for module in ("passing", "watching", "frames"):
        monkeypatch.setattr(f"runs.data.{module}.now", told)
    assert "Today: 1 Jan 2030" in answers.render(said).text
    day = "2 Jan 2030"
    assert "Today: 2 Jan 2030" in answers.render(said).text
