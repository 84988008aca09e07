"""Tables named in a run become data sets that record their version; the same version is read once."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as arrow
import pytest
from deltalake import write_deltalake
from django.conf import settings

from runs import wiring
from runs.contract.spec import TaskType
from runs.models import DataSet, User
from runs.services import datasets
from runs.services.refused import BadData, Invalid, UnknownData

NAME = "main.sales.sums"
Append = Callable[..., None]


@pytest.fixture
def append(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Append:
    """Adds rows to the table main.sales.sums of this installation."""
    monkeypatch.setattr(settings, "TABLES_ROOT", tmp_path)
    folder = tmp_path / "main" / "sales" / "sums"
    folder.mkdir(parents=True)

    def add(*prompts: str, response: str = "4") -> None:
        rows = arrow.table({"prompt": list(prompts), "response": [response] * len(prompts)})
        write_deltalake(str(folder), rows, mode="append")

    return add


def resolve(by: User, reference: str = NAME, task: TaskType = TaskType.INSTRUCTION_FINETUNE) -> DataSet:
    return datasets.resolve(by=by, reference=reference, task=task, field="train_data_path")


def test_a_table_becomes_a_data_set_of_its_version(append: Append, owner: User) -> None:
    append("2+2?", "1+3?")
    dataset = resolve(owner)
    assert (dataset.name, dataset.source, dataset.rows) == ("main-sales-sums", f"{NAME}@v0", 2)
    assert wiring.dataset_file(dataset.digest).read_bytes().count(b"\n") == 2
    assert list(wiring.scratch().iterdir()) == []


def test_the_same_version_is_one_data_set_and_a_new_version_another(append: Append, owner: User, colleague: User) -> None:
    append("2+2?")
    first = resolve(owner)
    assert resolve(owner) == first == resolve(owner, f"{NAME}@v0")
    append("1+3?")
    second = resolve(owner)
    assert (second.name, second.source, second.rows) == ("main-sales-sums-2", f"{NAME}@v1", 2)
    assert second.digest != first.digest
    assert resolve(owner, f"{NAME}@v0") == first
    theirs = resolve(colleague)
    assert (theirs.owner, theirs.digest) == (colleague, second.digest)


def test_a_table_that_is_not_there_or_has_other_columns_is_said_at_the_field(append: Append, owner: User) -> None:
    append("2+2?")
    for reference, task, said in (
        ("main.sales.gone", TaskType.INSTRUCTION_FINETUNE, "nothing at"),
        ("main..sums", TaskType.INSTRUCTION_FINETUNE, "none of them empty"),
        (NAME, TaskType.CONTINUED_PRETRAIN, "needs “text”"),
        ("rows.jsonl", TaskType.CHAT_COMPLETION, "There is no data set “rows.jsonl”"),
    ):
        with pytest.raises(UnknownData, match=said) as refused:
            resolve(owner, reference, task)
        assert refused.value.problems[0].field == "train_data_path"
    assert not DataSet.objects.exists()
    assert list(wiring.scratch().iterdir()) == []


def test_rows_of_a_table_go_through_the_same_check(append: Append, owner: User) -> None:
    append("2+2?", response=" ")
    with pytest.raises(BadData, match=r"only white space"):
        resolve(owner)
    assert not DataSet.objects.exists()


def test_a_hub_that_is_away_is_a_sentence_at_the_field(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UnknownData, match="cannot be reached"):
        resolve(owner, "org/sums/train")


def test_a_data_set_of_another_task_is_still_refused_by_name(append: Append, owner: User) -> None:
    append("2+2?")
    dataset = resolve(owner)
    with pytest.raises(Invalid, match="not for CHAT_COMPLETION"):
        resolve(owner, dataset.name, TaskType.CHAT_COMPLETION)
