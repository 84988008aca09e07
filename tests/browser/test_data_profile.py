"""A scientist who wants to know what is wrong with their file: the page draws, names rows, and mends them with a click."""

import json
import os
from io import BytesIO
from pathlib import Path

from runs.contract.spec import TaskType
from runs.models import DataSet, User
from runs.services import datasets
from tests.browser.conftest import Open, until
from tests.offer import tiny_offer


def chat(question: str, answer: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def test_the_lengths_are_drawn_and_a_finding_is_mended(browse: Open, owner: User) -> None:
    tiny_offer()
    rows = [
        chat(f"Where is shelf {number} of hall {number * 7}? " * (1 + number % 9), "Behind a door.") for number in range(60)
    ]
    rows += [rows[0], chat("Whom do I mail?", "Mail mario.rossi@example.org.")]
    file = BytesIO("".join(json.dumps(row) + "\n" for row in rows).encode())
    datasets.add_upload(by=owner, file=file, filename="shelves.jsonl", task=TaskType.CHAT_COMPLETION)
    page = browse(owner)
    page.goto("/data/shelves/?context=128")
    until(page, "document.querySelector('.chart .plot-container')")
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=str(Path(folder) / "data.png"), full_page=True)
    page.click("#finding-duplicates summary")
    page.click("#finding-duplicates button")
    until(page, "location.pathname === '/data/shelves-no-duplicates/'")
    assert DataSet.objects.get(name="shelves-no-duplicates").rows == 61
