"""Personal data and secrets: what is found, what is not mistaken for them, and that nothing is shown whole."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.data.masking import mask
from runs.data.private import find, shown
from runs.data.shapes import KINDS

PLANTED = {
    "email": ["Write to mario.rossi@example.co.uk please", "a@b.io", "<first+tag@host.example.org>"],
    "iban": ["IBAN IT60 X054 2811 1010 0000 0123 456 thanks", "DE89370400440532013000", "GB82 WEST 1234 5698 7654 32"],
    "card": ["4111 1111 1111 1111", "5500-0000-0000-0004", "card 378282246310005 ok", "6011000990139424"],
    "ssn": ["my number is 123-45-6789"],
    "tax_code": ["codice fiscale RSSMRA85T10A562S"],
    "ip": ["from 203.0.113.77 at", "2001:db8:85a3::8a2e:370:7334", "10.0.0.5"],
    "phone": [
        "+39 06 1234 5678", "+1 (415) 555-2671", "(415) 555-2671", "415-555-2671", "call 020 7946 0958 now", "0039 347 1234567",
        "+49 (0)30 123456", "phone: 3471234567",
    ],
    "aws_key": ["AKIAIOSFODNN7EXAMPLE"],
    "github_token": ["ghp_" + "a1B2" * 9, "github_pat_" + "a1B2_" * 16],
    "gitlab_token": ["glpat-" + "a1B2" * 5],
    "openai_key": ["sk-proj-abc123def456ghi789jkl", "sk-" + "T3BlbkFJ" * 6],
    "anthropic_key": ["sk-ant-api03-abcdefghijklmnop1234"],
    "huggingface_token": ["hf_" + "aBcDeFgHiJ" * 3 + "KLMN1"],
    "google_key": ["AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"],
    "stripe_key": ["sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"],
    "databricks_token": ["dapi" + "0123456789abcdef" * 2],
    "slack_token": ["xoxb-1234567890-abcdefghij"],
    "azure_key": ["AccountKey=" + "a1B2" * 21 + "aa=="],
    "package_token": ["npm_" + "a1B2" * 9],
    "jwt": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"],
    "url_password": ["postgres://admin:hunter2@db.example.org/x"],
    "password": ["my password is hunter2secret!", "api_key = 'abc12345xyz'"],
    "private_key": ["-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\nb3Bl"],
}  # fmt: skip

HARMLESS = [
    "In 2023-11-05 we", "3.14159265358979", "1234567890123456", "the order 4111111111111112", "12:34:56", "version 1.2.3.4",
    "What is 48/2 = <<48/2=24>>24", "Pages 100-200", "ISBN 978-3-16-148410-0", "127.0.0.1", "password is important",
    "call me at 10 tomorrow", "user@localhost", "sk-learn is a library", "1,234,567 tokens", "std::vector<int>::iterator",
    "DE89370400440532013001", "RSSMRA85T10A562T", "+1000000 points", "score 3-2-1 2020 2021 2022",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in PLANTED.items() for text in texts])
def test_a_planted_value_is_found_as_its_kind_and_masked_away(kind: str, text: str) -> None:
    assert [match.kind.name for match in find(text)] == [kind]
    clean, changes = mask(f"Before. {text} After.")
    assert changes == 1
    assert f"[{kind.upper()}]" in clean
    assert not find(clean)
    assert clean.startswith("Before.")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert find(text) == []
    assert mask(text) == (text, 0)


def test_every_kind_but_one_is_planted_here() -> None:
    assert {kind.name for kind in KINDS} - set(PLANTED) == {"mail_key"}


def test_several_in_one_text_are_found_from_left_to_right_and_apart() -> None:
    text = "Mail a@b.io or call +39 06 1234 5678, card 4111 1111 1111 1111."
    assert [match.kind.name for match in find(text)] == ["email", "phone", "card"]
    assert mask(text)[0] == "Mail [EMAIL] or call [PHONE], card [CARD]."


@given(st.text(max_size=300))
def test_any_text_is_masked_once_and_for_all(text: str) -> None:
    matches = find(text)
    assert all(one.end <= other.start for one, other in pairwise(matches))
    assert mask(text)[1] == len(matches)


@pytest.mark.parametrize(
    "value", ["mario.rossi@example.org", "AKIAIOSFODNN7EXAMPLE", "10.0.0.5", "a@b.io", "-----BEGIN X-----"]
)
def test_nothing_is_shown_whole(value: str) -> None:
    assert value not in shown(value)
    assert len(shown(value).replace("…", "")) <= max(4, len("-----BEGIN"))
