"""The shapes of personal data and secrets: what an e-mail address, a bank account or a key of a known service looks like.

A shape with a checksum (IBAN, credit card, codice fiscale) counts only when it is right. Names and addresses of people have no
shape and are not looked for.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from runs.data.checksums import address, codice_fiscale, iban, luhn, mixed, phone

Check = Callable[[str], bool]
Gate = tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A text with such a value has one of the strings `hints`, something that one of the `gates` finds, and at least so many
    `digits`. Most texts stop there.
    """

    name: str
    title: str
    pattern: re.Pattern[str]
    hints: tuple[str, ...] = ()
    gates: tuple[re.Pattern[str], ...] = ()
    check: Check | None = None
    digits: int = 0

    @property
    def secret(self) -> bool:
        """A key or password, which somebody could use, rather than something about a person."""
        return self.name not in ("email", "iban", "card", "ssn", "tax_code", "ip", "phone")

    @property
    def mask(self) -> str:
        return f"[{self.name.upper()}]"


def _hinted(name: str, title: str, hints: str, pattern: str, check: Check | None = None) -> Kind:
    return Kind(name, title, re.compile(pattern), tuple(hints.split()), (), check)


def _gated(name: str, title: str, digits: int, gate: Gate, pattern: str, check: Check | None = None) -> Kind:
    return Kind(name, title, re.compile(pattern), (), gate, check, digits)


_DIGITS = (re.compile(r"\d(?:[ .()/-]{0,2}\d){6}"),)  # seven, perhaps in groups
_ACCOUNT, _TAX = (re.compile(r"[A-Z]{2}\d\d"),), (re.compile(r"\d\d[A-Za-z]\d\d[A-Za-z]"),)
_ADDRESS = (re.compile(r"\.\d{1,3}\.\d"), re.compile(r":[0-9A-Fa-f]{0,4}:"))  # each begins with a mark, and so is found fast

# Order matters: where two kinds claim the same characters, the first one has them.
KINDS: tuple[Kind, ...] = (
    _hinted("private_key", "Private keys", "-----BEGIN", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[\s\S]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s]*)"),
    _hinted("aws_key", "AWS access keys", "AKIA ASIA ABIA ACCA",
            r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"),
    _hinted("github_token", "GitHub tokens", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
            r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255})"),
    _hinted("gitlab_token", "GitLab tokens", "glpat- glptt- gldt- glrt-", r"\bgl(?:pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,}"),
    _hinted("slack_token", "Slack tokens", "xox hooks.slack.com",
            r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"),
    _hinted("anthropic_key", "Anthropic keys", "sk-ant-", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    _hinted("openai_key", "OpenAI keys", "sk-", r"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}", mixed),
    _hinted("huggingface_token", "Hugging Face tokens", "hf_", r"\bhf_[A-Za-z0-9]{30,}"),
    _hinted("google_key", "Google API keys", "AIza", r"\bAIza[A-Za-z0-9_-]{35}"),
    _hinted("stripe_key", "Stripe keys", "_live_ _test_", r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}"),
    _hinted("databricks_token", "Databricks tokens", "dapi", r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
    _hinted("azure_key", "Azure storage keys", "AccountKey=", r"(?<=AccountKey=)[A-Za-z0-9+/]{60,}={0,2}"),
    _hinted("package_token", "Tokens of npm and PyPI", "npm_ pypi-", r"\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    _hinted("mail_key", "Keys of SendGrid and Mailgun", "SG. key-",
            r"\bSG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}|\bkey-[0-9a-f]{32}\b"),
    _hinted("jwt", "JSON web tokens", "eyJ", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    _hinted("url_password", "Passwords in addresses", "://", r"(?<=://)[^\s:/@]{1,64}:[^\s:/@]{3,128}(?=@[\w.-])"),
    _hinted("password", "Passwords in words", "assw ASSW pwd PWD Pwd ecret ECRET oken OKEN key Key KEY",
            r"(?i)(?<![a-z])(?:password|passwd|passwort|pwd|secret|api[_ -]?key|access[_ -]?token|secret[_ -]?key)[\"']?"
            r"\s*(?:[:=]|is\b)\s*[\"']?(?P<value>[^\s\"',;]{8,128})", mixed),
    _hinted("email", "E-mail addresses", "@",
            r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![\w-])"),
    _gated("iban", "Bank accounts (IBAN)", 2, _ACCOUNT,
           r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?(?![A-Za-z0-9])", iban),
    _gated("card", "Credit cards", 13, _DIGITS, r"(?<![\w.,-])[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?![\w-])"
           r"|(?<![\w.,-])3[47]\d{2}[ -]?\d{6}[ -]?\d{5}(?![\w-])", luhn),
    _gated("ssn", "US social security numbers", 9, _DIGITS,
           r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])"),
    _gated("tax_code", "Italian tax codes", 7, _TAX,
           r"\b[A-Za-z]{6}\d\d[A-EHLMPR-Ta-ehlmpr-t]\d\d[A-Za-z]\d{3}[A-Za-z]\b", codice_fiscale),
    _gated("ip", "IP addresses", 0, _ADDRESS,
           r"(?<![\w.:])(?<![Vv]ersion )(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)"
           r"|(?<![\w.:])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,7}(?![\w:])", address),
    _gated("phone", "Phone numbers", 7, _DIGITS,
           r"(?<![\w.+/-])(?:\+|00)[1-9]\d{0,2}[ ./-]?(?:\(\d{1,5}\)[ ./-]?)?\d(?:[ ./-]?\d){5,12}(?!\w|[.-]\d)"
           r"|(?<![\w.+/-])(?:\(\d{3}\)[ .-]?|\d{3}[ .-])\d{3}[.-]\d{4}(?![\w-])"
           r"|(?i:tel|phone|call|cell|mobile|telefono|cellulare|telefon)(?i:[.:]?(?: number| no\.?)?(?: is|:)? )"
           r"(?P<value>\(?\d{2,4}\)?[ ./-]?\d(?:[ ./-]?\d){4,9})(?!\w)", phone),
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in KINDS}
