"""How fast a file is checked and in how much memory, beside `datasets` where it is installed (`pip install datasets`)."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runs.contract.spec import TaskType
from runs.data.samples import HELPDESK
from runs.data.validation import check

MEGABYTES = 100

CHECKED_IN_PYTHON = """
import sys, tempfile, datasets
datasets.disable_progress_bars()
def good(row):
    roles = [message["role"] for message in row["messages"]]
    texts = [message["content"] for message in row["messages"]]
    return (
        set(row) == {"messages"} and len(roles) > 1 and roles[-1] == "assistant" and "system" not in roles[1:]
        and set(roles) <= {"system", "user", "assistant"} and all(isinstance(text, str) and text.strip() for text in texts)
        and all(one != other for one, other in zip(roles, roles[1:]))
    )
with tempfile.TemporaryDirectory() as cache:
    rows = datasets.load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=cache)
    assert all(good(row) for row in rows)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Helpdesk rows over and over, each with a number of its own."""
    path = tmp_path_factory.mktemp("bench") / "large.jsonl"
    rows = [line[:-2] for line in (HELPDESK / "train.jsonl").read_text().splitlines()]
    number, size = 0, 0
    with path.open("w") as file:
        while size < MEGABYTES * 1_000_000:
            row = json.loads(rows[number % len(rows)] + "]}")
            row["messages"][1]["content"] += f" Ticket {number}."
            size += file.write(json.dumps(row) + "\n")
            number += 1
    return path


def test_validation_is_fast_and_small(large: Path) -> None:
    before, started = time.process_time(), time.perf_counter()
    report = check(large, task=TaskType.CHAT_COMPLETION, name=large.name, canonical=large.with_name("canonical.jsonl"))
    seconds, cpu = time.perf_counter() - started, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nvalidation: {report.rows:,} rows, {MEGABYTES / seconds:.0f} MB/s, {cpu:.2f} CPU-seconds, peak {peak:.0f} MiB")
    assert report.ok
    assert peak < 300

    if subprocess.run([sys.executable, "-c", "import datasets"], capture_output=True, check=False).returncode:
        pytest.skip("datasets is not installed, so there is nothing to compare with")
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", CHECKED_IN_PYTHON, str(large)], check=True)
    theirs = time.perf_counter() - started
    print(f"datasets and a check in Python: {theirs:.2f} s, {theirs / seconds:.1f} times as long")
