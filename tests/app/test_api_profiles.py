"""REST about what is in a data set: profile, findings, advice, rows, tokens, the first batch, and remedies."""

import json
from io import BytesIO
from typing import Any

import pytest

from runs import wiring
from runs.contract.spec import TaskType
from runs.models import BaseModel, DataSet, Run, User
from runs.services import access, datasets, measuring, mirroring, profiling
from runs.services.refused import Invalid
from runs.services.specification import specification
from tests.app.conftest import Call, Submit, caller
from tests.offer import tiny_offer


def upload(by: User, rows: list[dict[str, Any]], name: str = "faulty", task: TaskType = TaskType.CHAT_COMPLETION) -> DataSet:
    file = BytesIO("".join(json.dumps(row) + "\n" for row in rows).encode())
    return datasets.add_upload(by=by, file=file, filename=f"{name}.jsonl", task=task)


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def model(db: None) -> BaseModel:
    return tiny_offer()


@pytest.fixture
def faulty(owner: User) -> DataSet:
    rows = [chat(f"Where is shelf {number} of hall {number * 7}?", f"Behind door {number * 3}.") for number in range(40)]
    return upload(owner, [*rows, rows[0], chat("Whom do I mail?", "Mail mario.rossi@example.org.")])


def test_the_profile_names_rows_reasons_and_remedies(api: Call, faulty: DataSet, model: BaseModel) -> None:
    got = api("GET", f"datasets/{faulty.name}/profile?model={model.name}&context_length=32&training_duration=9ep").json()
    assert (got["ready"], got["pending"], got["digest"]) == (True, [], faulty.digest)
    assert got["profile"]["rows"] == 42
    assert got["profile"]["truncated_rows"] > 0
    assert got["profile"]["longer"][-1]["truncated_rows"] == 0
    found = {one["kind"]: one for one in got["findings"]}
    assert (found["duplicates"]["rows"], found["duplicates"]["remedy"]) == ([41], "drop_duplicates")
    assert (found["email"]["rows"], found["email"]["shown"]) == ([42], ["ma…rg"])
    assert all(one["why"] for one in got["findings"])
    assert {"truncated", "many_epochs"} <= {one["kind"] for one in got["advice"]}


def test_without_a_model_there_is_everything_but_tokens(api: Call, faulty: DataSet) -> None:
    got = api("GET", f"datasets/{faulty.name}/profile").json()
    assert (got["profile"], got["advice"], got["ready"]) == (None, [], True)
    assert got["contents"]["languages"]


def test_while_it_is_counted_the_answer_says_how_far_it_is(
    api: Call, faulty: DataSet, model: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "INLINE", 0)
    got = api("GET", f"datasets/{faulty.name}/profile?model={model.name}").json()
    assert got["ready"] is False
    assert {one["measure"]: (one["done"], one["total"]) for one in got["pending"]} == {"contents": (0, 42), "tokens": (0, 42)}
    body = {"model": model.name, "train_data_path": faulty.name, "register_to": "main.default"}
    refused = api("POST", "estimates", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "still_counting")
    assert "0 of 42 rows" in refused.json()["detail"]
    assert api("POST", f"datasets/{faulty.name}/derive", {"kind": "mask"}).status_code == 202


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("model=none/such", 400, "model"),
        ("model=tiny/Tiny-Instruct&context_length=999999", 400, "context_length"),
        ("model=tiny/Tiny-Instruct&training_duration=soon", 400, "training_duration"),
        ("evaluation=nothing", 404, ""),
        ("context_length=banana", 400, "context_length"),
        ("surprise=1", 400, "surprise"),
    ],
)
def test_senseless_questions_are_answered_at_their_field(
    api: Call, faulty: DataSet, model: BaseModel, query: str, status: int, field: str
) -> None:
    refused = api("GET", f"datasets/{faulty.name}/profile?{query}")
    assert (refused.status_code, refused.json()["field"]) == (status, field)


def test_a_remedy_makes_a_data_set_that_says_where_it_is_from(api: Call, faulty: DataSet) -> None:
    made = api("POST", f"datasets/{faulty.name}/derive", {"kind": "drop_duplicates", "name": "Clean"})
    assert made.status_code == 201
    (clean,) = made.json()["datasets"]
    assert (clean["name"], clean["rows"], clean["derived_from"]) == ("clean", 41, "faulty")
    assert clean["derivation"]["from_digest"] == faulty.digest
    again = api("POST", f"datasets/{faulty.name}/derive", {"kind": "drop_duplicates", "name": "Clean"}).json()
    assert again["datasets"] == [clean]
    listed = api("GET", "datasets?derived_from=faulty").json()["data"]
    assert [one["name"] for one in listed] == ["clean"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "drop_leaked"}, "evaluation"),
        ({"kind": "drop_long"}, "context_length"),
        ({"kind": "explode"}, "kind"),
        ({"kind": "split", "share": 2}, "share"),
        ({"kind": "drop_empty_answers"}, "kind"),
        ({"kind": "mask", "colour": "red"}, "colour"),
    ],
)
def test_a_remedy_that_cannot_be_is_refused_at_its_field(api: Call, faulty: DataSet, body: dict[str, Any], field: str) -> None:
    refused = api("POST", f"datasets/{faulty.name}/derive", body)
    assert refused.status_code in (400, 409)
    assert refused.json()["field"] == field
    assert DataSet.objects.count() == 1


def test_strangers_find_nothing_and_viewers_change_nothing(stranger: User, viewer: User, faulty: DataSet) -> None:
    for path in ("profile", "rows", "rows/1/tokens?model=x", "batch?model=x"):
        assert caller(stranger)("GET", f"datasets/{faulty.name}/{path}").status_code == 404
    assert caller(stranger)("POST", f"datasets/{faulty.name}/derive", {"kind": "mask"}).status_code == 404
    assert caller(viewer)("GET", f"datasets/{faulty.name}/profile").status_code == 200
    assert caller(viewer)("POST", f"datasets/{faulty.name}/derive", {"kind": "mask"}).status_code == 403


def test_somebody_elses_private_rows_are_nothing_to_compare_with(stranger: User, api: Call, faulty: DataSet) -> None:
    theirs = upload(stranger, [chat("A?", "B.")], "theirs")
    assert api("GET", f"datasets/{faulty.name}/profile?evaluation={theirs.name}").status_code == 404
    body = {"kind": "drop_leaked", "evaluation": theirs.name}
    assert api("POST", f"datasets/{faulty.name}/derive", body).status_code == 404


def test_rows_are_browsed_searched_and_shown_as_tokens(api: Call, faulty: DataSet, model: BaseModel) -> None:
    page = api("GET", f"datasets/{faulty.name}/rows?first=40&limit=2").json()
    assert [one["number"] for one in page["data"]] == [40, 41]
    assert page["next"] == 42
    hits = api("GET", f"datasets/{faulty.name}/rows?q=MARIO").json()
    assert [one["number"] for one in hits["data"]] == [42]
    row = api("GET", f"datasets/{faulty.name}/rows/42/tokens?model={model.name}&context_length=16").json()
    assert (row["kept"], row["number"]) == (16, 42)
    assert "".join(one["text"] for one in row["tokens"]).startswith("<|im_start|>user\nWhom do I mail?")
    assert row["tokens"][0]["special"]
    assert api("GET", f"datasets/{faulty.name}/rows/43/tokens?model={model.name}").status_code == 404


def test_the_first_batch_holds_the_rows_of_the_first_step(api: Call, faulty: DataSet, model: BaseModel) -> None:
    got = api("GET", f"datasets/{faulty.name}/batch?model={model.name}&batch_size=4&seed=1&context_length=64").json()
    assert (got["ready"], got["batch"]["kept"]) == (True, 42)
    assert sum(len(rows) for rows in got["batch"]["bins"]) == 4
    assert all(sum(len(row["ids"]) for row in rows) <= 64 for rows in got["batch"]["bins"])


def test_a_run_on_rows_with_nothing_to_learn_is_refused(submit: Submit, model: BaseModel, owner: User) -> None:
    access.accept_licence(licence=model.licence, by=owner)
    made = upload(owner, [chat("word " * 300, "Yes.")], "long")
    with pytest.raises(Invalid, match="No row has a token to learn within 32 tokens"):
        submit(model=model.name, train_data_path=made.name, context_length=32)


def test_more_than_ten_billion_tokens_are_refused(
    submit: Submit, model: BaseModel, owner: User, faulty: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    access.accept_licence(licence=model.licence, by=owner)
    counted = profiling.tokens(faulty, model)
    counted.result = {**counted.result, "tokens": 10_000_000_001}
    counted.save()
    with pytest.raises(Invalid, match="10,000,000,001 tokens; more than 10 billion are not supported"):
        submit(model=model.name, train_data_path=faulty.name)


def test_one_byte_changes_the_digest_in_the_specification_and_in_mlflows_record(submit: Submit, owner: User) -> None:
    rows = [chat("Where is shelf 1?", "Behind door 3."), chat("Where is shelf 2?", "Behind door 4.")]
    first = submit(train_data_path=upload(owner, rows, "one").name)
    rows[1] = chat("Where is shelf 2?", "Behind door 5.")
    second = submit(train_data_path=upload(owner, rows, "two").name)
    assert first.dataset.bytes == second.dataset.bytes
    digests = {said for run in (first, second) for said in _said(run)}
    assert len(digests) == 2
    assert digests == {first.dataset.digest, second.dataset.digest}


def _said(run: Run) -> list[str]:
    (record,) = mirroring._data(run)
    return [specification(run, wiring.run_folder(run.name)).train.digest, record.digest]


def test_source_version_mapping_and_remedy_are_in_the_specification(submit: Submit, api: Call, owner: User) -> None:
    file = BytesIO(b"".join(b'{"instruction": "Add %d", "input": "", "output": "%d"}\n' % (n, n) for n in (1, 2, 2)))
    made = datasets.add_upload(by=owner, file=file, filename="alpaca.jsonl", task=TaskType.CHAT_COMPLETION, mapping="alpaca")
    DataSet.objects.filter(pk=made.pk).update(source="main.tuning.tickets@v3")
    api("POST", f"datasets/{made.name}/derive", {"kind": "drop_duplicates"})
    parent = submit(train_data_path=made.name)
    train = specification(parent, wiring.run_folder(parent.name)).train
    assert (train.source, train.source_version, train.mapping) == ("main.tuning.tickets@v3", "v3", "alpaca")
    (record,) = mirroring._data(parent)
    assert (record.source_version, record.mapping) == ("v3", "alpaca")
    child = submit(train_data_path=f"{made.name}-no-duplicates")
    assert specification(child, wiring.run_folder(child.name)).train.derivation["from_digest"] == made.digest
