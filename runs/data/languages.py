"""Which languages a data set is written in: a sample of its rows, each judged only when there is enough text to tell.

py3langid (naive Bayes over byte n-grams, 97 languages) gives the same answer every time. Code and tables have no language and
mostly count as unsure.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SAMPLED = 2_000  # rows, evenly spread
READ = 400  # characters of a row
ENOUGH = 20  # letters below which nothing is said
SURE = 0.5  # probability below which nothing is said

NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew",
    "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "la": "Latin", "lt": "Lithuanian", "lv": "Latvian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "th": "Thai",
    "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


def language(text: str) -> str | None:
    """ISO 639 code of the language of a text, or None when there is too little to tell or the answer is not sure."""
    read = text[:READ]
    wide = sum(mark >= "\u3040" for mark in read)  # scripts that say more with one character
    if sum(mark.isalpha() for mark in read) + 3 * wide < ENOUGH:
        return None
    code, sure = _model().classify(read)
    return str(code) if sure >= SURE else None


def name(code: str) -> str:
    return NAMES.get(code, code)


@cache
def _model() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # half a second and 80 MB, for those who ask

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
