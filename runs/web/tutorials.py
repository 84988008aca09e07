"""Which tutorials there are. Each is a template in templates/help; its code is files in help/examples there, run by tests."""

from dataclasses import dataclass
from functools import cache

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Tutorial:
    slug: str
    title: str
    line: str


TUTORIALS = {
    one.slug: one
    for one in (
        Tutorial("first-run", "A first run in ten minutes", "From a file to a registered model, in Python or in the browser."),
        Tutorial("entities", "Named entities from chat data", "Teach a small model to list the drugs that a sentence names."),
        Tutorial("from-databricks", "Move from Databricks", "Scripts for its client run here with two variables changed."),
        Tutorial("from-openai", "Move from OpenAI", "Files and fine-tuning jobs, with the same client and another base URL."),
        Tutorial("pretraining", "Continued pretraining, then instructions", "Read your texts first, then learn to answer."),
        Tutorial("delta-tables", "Bring Delta tables", "Train on a table, at the version that you name."),
    )
}


@cache
def examples() -> dict[str, str]:
    """The code of all tutorials, by name of its file without the ending."""
    folder = settings.BASE_DIR / "templates" / "help" / "examples"
    return {path.stem.replace("-", "_"): path.read_text(encoding="utf-8").strip() for path in sorted(folder.iterdir())}
