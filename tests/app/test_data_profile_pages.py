"""What a scientist sees of their rows: findings with their remedies, lengths, rows, tokens with the cut, the first batch."""

import json
import re
from io import BytesIO

import pytest
from django.test import Client

from runs.contract.spec import TaskType
from runs.data.rendering import Renderer
from runs.models import BaseModel, DataSet, Measurement, User
from runs.models.measurement import State
from runs.services import access, datasets, measuring
from tests.app.conftest import Submit, text
from tests.offer import tiny_offer


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def model(db: None) -> BaseModel:
    return tiny_offer()


def upload(by: User, rows: list[dict[str, object]], name: str, task: TaskType = TaskType.CHAT_COMPLETION) -> DataSet:
    file = BytesIO("".join(json.dumps(row) + "\n" for row in rows).encode())
    return datasets.add_upload(by=by, file=file, filename=f"{name}.jsonl", task=task)


def chat(question: str, answer: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def faulty(owner: User, model: BaseModel) -> DataSet:
    rows = [chat(f"Where is shelf {number} of hall {number * 7}?", f"Behind door {number * 3}.") for number in range(40)]
    return upload(owner, [*rows, rows[0], chat("Whom do I mail?", "Mail mario.rossi@example.org.")], "faulty")


def test_findings_stand_on_the_page_with_rows_and_a_button(browser: Client, faulty: DataSet) -> None:
    page = text(browser.get("/data/faulty/"))
    assert "Exact duplicates" in page
    assert '<a href="/data/faulty/rows/?from=41">41</a>' in page
    assert "(ma…rg)" in page
    assert "mario.rossi@" not in page.split("first rows as the model sees them")[0]
    assert "Drop the copies" in page


def test_the_chart_has_its_numbers_its_context_length_and_a_table(browser: Client, faulty: DataSet) -> None:
    page = browser.get("/data/faulty/?context=40").content.decode()
    figure = json.loads(re.search(r'id="lengths-figure" type="application/json">(.*?)</script>', page)[1])  # type: ignore[index]
    assert sum(figure["data"][0]["y"]) == 42
    assert figure["layout"]["shapes"][0]["x0"] == 40
    assert "What a longer context would save" in page
    assert "As a table" in page


def test_a_button_makes_the_new_data_set_and_both_say_so(browser: Client, faulty: DataSet) -> None:
    made = browser.post("/data/faulty/derive/", {"kind": "drop_duplicates"})
    assert made["Location"] == "/data/faulty-no-duplicates/"
    page = text(browser.get(made["Location"]))
    assert "faulty stays as it was" in page
    assert "42 rows before, 41 now" in page
    assert "faulty-no-duplicates" in text(browser.get("/data/faulty/"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "explode"}, "must be one of"),
        ({"kind": "split", "share": "7"}, "must be"),
        ({"kind": "drop_leaked"}, "Say which evaluation set"),
        ({"kind": "drop_empty_answers"}, "nothing to mend"),
        ({}, "This is required"),
    ],
)
def test_a_remedy_that_cannot_be_is_refused_in_words(
    browser: Client, faulty: DataSet, fields: dict[str, str], said: str
) -> None:
    refused = browser.post("/data/faulty/derive/", fields, follow=True)
    assert refused.status_code == 200
    assert said in text(refused)
    assert DataSet.objects.count() == 1


def test_while_rows_are_counted_the_page_says_how_far_and_looks_again(
    browser: Client, faulty: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "INLINE", 0)
    Measurement.objects.all().delete()
    browser.get("/data/faulty/")
    Measurement.objects.update(state=State.RUNNING, done=17, lease_token="x")
    fragment = browser.get("/data/faulty/profile/?model=tiny/Tiny-Instruct")
    assert "Counting tokens: 17 of 42 rows" in text(fragment)
    assert 'hx-trigger="every 1s"' in fragment.content.decode()
    monkeypatch.undo()
    Measurement.objects.update(state=State.WAITING)
    done = browser.get("/data/faulty/profile/?model=tiny/Tiny-Instruct")
    assert "hx-trigger" not in done.content.decode()
    assert "Exact duplicates" in text(done)


def test_while_new_rows_are_made_the_page_says_how_far_and_looks_again(
    browser: Client, faulty: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "INLINE", 0)
    asked = {"kind": "drop_duplicates", "model": "tiny/Tiny-Instruct", "context": "64"}
    back = browser.post("/data/faulty/derive/", asked)["Location"]
    assert back == "/data/faulty/?model=tiny%2FTiny-Instruct&context=64", "the page is seen as before"
    Measurement.objects.filter(measure="remedy").update(state=State.RUNNING, done=17, lease_token="x")
    waiting = browser.get("/data/faulty/derived/")
    assert "17 of 42 rows" in text(waiting)
    assert 'hx-get="/data/faulty/derived/"' in browser.get("/data/faulty/").content.decode()
    monkeypatch.undo()
    Measurement.objects.filter(measure="remedy").update(state=State.WAITING)
    assert browser.post("/data/faulty/derive/", {"kind": "drop_duplicates"})["Location"] == "/data/faulty-no-duplicates/"
    done = browser.get("/data/faulty/derived/")
    assert "hx-get" not in done.content.decode()
    assert "41 rows" in text(done)


def test_rows_are_browsed_and_searched(browser: Client, faulty: DataSet) -> None:
    assert "shelf 12" in text(browser.get("/data/faulty/rows/?from=11"))
    assert "Next" in text(browser.get("/data/faulty/rows/"))
    hits = browser.get("/data/faulty/rows/?q=MARIO").content.decode()
    assert "<mark>mario</mark>.rossi" in hits
    assert "Row 42" in hits
    assert "No row says" in text(browser.get("/data/faulty/rows/?q=nowhere"))
    assert "There is no row 99" in text(browser.get("/data/faulty/rows/?from=99"))


ODD = ["q=%00", "from=-3", "from=banana", "from=99999999999999999999", "as=x&model=none", "q=<script>&context=0"]


@pytest.mark.parametrize("query", ODD)
def test_senseless_addresses_still_open(browser: Client, faulty: DataSet, query: str) -> None:
    page = browser.get(f"/data/faulty/rows/?{query}")
    assert page.status_code == 200
    assert "<script>&" not in page.content.decode()
    assert browser.get(f"/data/faulty/?{query}&evaluation=%00").status_code == 200


def test_a_row_as_tokens_shows_where_it_is_cut(browser: Client, faulty: DataSet) -> None:
    page = browser.get("/data/faulty/rows/?as=tokens&from=42&context=20").content.decode()
    assert "cut here, after 20 tokens" in page
    assert 'class="tok lost"' in page
    assert "nothing is left to learn, so that the row is dropped" in text(
        browser.get("/data/faulty/rows/?as=tokens&context=16")
    )


@pytest.mark.parametrize("task", TaskType)
def test_the_first_batch_of_a_run_has_its_borders(
    task: TaskType, browser: Client, owner: User, model: BaseModel, submit: Submit
) -> None:
    access.accept_licence(licence=model.licence, by=owner)
    rows: dict[TaskType, list[dict[str, object]]] = {
        TaskType.CHAT_COMPLETION: [chat(f"Where is shelf {number}?", "There.") for number in range(20)],
        TaskType.INSTRUCTION_FINETUNE: [{"prompt": f"Shelf {number}: ", "response": "there"} for number in range(20)],
        TaskType.CONTINUED_PRETRAIN: [{"text": "Es regnet. " * 400}],
    }
    made = upload(owner, rows[task], "rows", task)
    run = submit(model=model.name, train_data_path=made.name, task_type=task.value, context_length=64, batch_size=4)
    page = text(browser.get(f"/runs/{run.name}/batch/"))
    assert "Step 1 trains 4 rows" in page
    assert "Bin 1" in page
    assert page.count("<figcaption") == 4
    assert f"/runs/{run.name}/batch/" in text(browser.get(f"/runs/{run.name}/specification/"))


def test_a_batch_that_the_template_refuses_says_so(browser: Client, submit: Submit) -> None:
    run = submit()  # on a model without a tokenizer
    assert "is not on this machine" in text(browser.get(f"/runs/{run.name}/batch/"))


def test_strangers_see_nothing_of_it(client: Client, stranger: User, faulty: DataSet, submit: Submit) -> None:
    client.force_login(stranger)
    run = submit()
    for path in ("/data/faulty/rows/", "/data/faulty/profile/", f"/runs/{run.name}/batch/"):
        assert client.get(path).status_code == 404
    assert client.post("/data/faulty/derive/", {"kind": "mask"}).status_code == 404


def test_viewers_see_findings_without_buttons(client: Client, viewer: User, faulty: DataSet) -> None:
    client.force_login(viewer)
    page = text(client.get("/data/faulty/"))
    assert "Exact duplicates" in page
    assert "Drop the copies" not in page


def test_of_a_long_row_the_first_tokens_are_drawn_and_the_rest_is_counted(
    browser: Client, owner: User, model: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []
    pieces = Renderer.pieces
    monkeypatch.setattr(Renderer, "pieces", lambda *given: asked.append(given[-1]) or pieces(*given))
    upload(owner, [{"text": "Es regnet. " * 4_000}], "long", TaskType.CONTINUED_PRETRAIN)
    page = text(browser.get("/data/long/rows/?as=tokens"))
    assert page.count('title="token ') == 1_500
    drawn, more = re.search(r"Row 1: ([\d,]+) tokens", page), re.search(r"… ([\d,]+) more tokens", page)
    assert drawn is not None
    assert more is not None
    assert int(drawn[1].replace(",", "")) == 1_500 + int(more[1].replace(",", ""))
    assert asked == [1_500], "a long row costs a page no more than what is drawn"
