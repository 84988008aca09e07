"""Pages of data sets: list, upload, one data set as a model sees it, download, delete; by the people of the stories."""

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from runs.models import DataSet, Run, User
from tests.app.conftest import ROWS, Submit
from tests.offer import tiny_offer

GOOD = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def send(browser: Client, content: bytes, **fields: str) -> Any:
    file = SimpleUploadedFile("my rows.jsonl", content)
    return browser.post("/data/", {"file": file, "task_type": "CHAT_COMPLETION", **fields})


def test_the_empty_page_says_what_a_data_set_is_and_offers_to_add_one(browser: Client) -> None:
    page = text(browser.get("/data/"))
    assert "No data yet" in page
    assert "Check and add" in page


def test_an_upload_becomes_a_data_set_and_its_page(browser: Client, owner: User) -> None:
    made = send(browser, GOOD)
    dataset = DataSet.objects.get()
    assert made["Location"] == f"/data/{dataset.name}/"
    assert (dataset.owner, dataset.rows, dataset.source) == (owner, 20, "my rows.jsonl")
    assert dataset.name in text(browser.get("/data/"))


def test_a_broken_upload_lists_lines_and_keeps_the_form(browser: Client) -> None:
    refused = send(browser, GOOD + b"{nonsense\n", name="sums")
    assert refused.status_code == 422
    assert re.search(r"\b21\b", text(refused))
    assert 'value="sums"' in refused.content.decode()
    assert not DataSet.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"task_type": "banana"}, "Choose one of the tasks."),
        ({"task_type": ""}, "Choose the task"),
        ({"name": "x" * 81}, "at most 80"),
    ],
)
def test_bad_fields_are_refused_in_words(browser: Client, fields: dict[str, str], said: str) -> None:
    refused = send(browser, GOOD, **fields)
    assert refused.status_code == 422
    assert said in text(refused)


def test_no_file_is_said_at_the_field(browser: Client) -> None:
    refused = browser.post("/data/", {"task_type": "CHAT_COMPLETION"})
    assert refused.status_code == 422
    assert "Choose a file." in text(refused)


def texts(**contents: bytes) -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(name.replace("_", "."), content) for name, content in contents.items()]


def test_several_texts_and_a_folder_become_one_data_set(browser: Client) -> None:
    folder = [*texts(a_txt=b"Third text.\n", notes_pdf=b"%PDF-1.7"), *texts(a_txt=b"Fourth text.\n")]
    fields = {"task_type": "CONTINUED_PRETRAIN", "name": "letters", "folder": folder}
    made = browser.post("/data/", {"file": texts(c_txt=b"First text.\n", b_txt=b"Second text.\n"), **fields})
    assert made["Location"] == "/data/letters/"
    kept = DataSet.objects.get()
    assert (kept.source, kept.rows) == ("5 files", 4)
    rows = b"".join(browser.get("/data/letters/rows.jsonl").streaming_content).decode()
    assert all(number in rows for number in ("First", "Second", "Third", "Fourth"))
    assert "“notes.pdf” is not a .txt file" in text(browser.get("/data/letters/"))


def test_several_files_are_refused_where_one_is_needed(browser: Client) -> None:
    two = {"file": [SimpleUploadedFile("a.jsonl", GOOD), SimpleUploadedFile("b.jsonl", GOOD)]}
    refused = browser.post("/data/", {**two, "task_type": "CHAT_COMPLETION"})
    assert (refused.status_code, DataSet.objects.count()) == (422, 0)
    assert "needs one .jsonl file" in text(refused)
    no_text = browser.post("/data/", {"file": texts(a_md=b"x", b_md=b"y"), "task_type": "CONTINUED_PRETRAIN"})
    assert "no .txt file" in text(no_text)


def test_rows_of_another_tool_are_taken_once_the_mapping_is_confirmed(browser: Client) -> None:
    rows = "".join(json.dumps({"instruction": f"Add {n}", "input": "", "output": str(n)}) + "\n" for n in range(5)).encode()
    refused = send(browser, rows)
    assert refused.status_code == 422
    shape = re.search(r'name="mapping" value="([^"]+)"', refused.content.decode())
    assert shape, text(refused)
    assert send(browser, rows, mapping=shape[1]).status_code == 302
    assert DataSet.objects.get().rows == 5


def test_the_page_shows_counts_and_rows_with_a_chosen_model(browser: Client, dataset: DataSet) -> None:
    tiny_offer()
    tiny_offer("tiny/Second", display_name="Second", parameters=2_000_000_000)
    page = browser.get(f"/data/{dataset.name}/?model=tiny/Second")
    assert page.status_code == 200
    assert re.search(r'value="tiny/Second" selected', page.content.decode())
    assert 'class="tok trained' in page.content.decode()
    assert dataset.digest in page.content.decode()


def test_without_any_model_here_the_page_says_why_there_are_no_tokens(browser: Client, dataset: DataSet) -> None:
    assert "tokens cannot be counted" in text(browser.get(f"/data/{dataset.name}/"))


def test_the_runs_that_used_it_are_listed(browser: Client, dataset: DataSet, run: Run) -> None:
    assert run.name in text(browser.get(f"/data/{dataset.name}/"))


def test_the_rows_come_back_as_a_file(browser: Client, dataset: DataSet) -> None:
    answer = browser.get(f"/data/{dataset.name}/rows.jsonl")
    assert answer["Content-Disposition"] == f'attachment; filename="{dataset.name}.jsonl"'
    assert b"".join(answer.streaming_content) == GOOD  # type: ignore[attr-defined]


def test_the_report_comes_as_a_file(browser: Client) -> None:
    send(browser, GOOD, name="sums")
    assert browser.get("/data/sums/report.json").json()["rows"] == 20


def test_deleting_asks_and_then_deletes(browser: Client, dataset: DataSet) -> None:
    asked = browser.get(f"/data/{dataset.name}/delete/")
    assert f"Delete {dataset.name}?" in text(asked)
    assert DataSet.objects.exists()
    assert browser.post(f"/data/{dataset.name}/delete/")["Location"] == "/data/"
    assert not DataSet.objects.exists()


def test_deleting_is_refused_in_words_while_a_run_has_used_it(browser: Client, dataset: DataSet, submit: Submit) -> None:
    submit()
    asked = text(browser.get(f"/data/{dataset.name}/delete/"))
    assert "1 run was trained or evaluated on it" in asked
    assert "Delete data set" not in asked + text(browser.get(f"/data/{dataset.name}/"))
    refused = browser.post(f"/data/{dataset.name}/delete/")
    assert refused.status_code == 409
    assert "Delete that run first" in text(refused)
    assert DataSet.objects.exists()


def test_a_colleague_looks_but_does_not_delete(client: Client, colleague: User, dataset: DataSet) -> None:
    client.force_login(colleague)
    page = client.get(f"/data/{dataset.name}/")
    assert page.status_code == 200
    assert "Delete" not in text(page)
    assert "Only owner or an admin may do this." in text(client.get(f"/data/{dataset.name}/delete/"))
    assert client.post(f"/data/{dataset.name}/delete/").status_code == 403


def test_a_stranger_finds_nothing(client: Client, stranger: User, dataset: DataSet) -> None:
    client.force_login(stranger)
    for path in ("", "rows.jsonl", "report.json", "delete/"):
        assert client.get(f"/data/{dataset.name}/{path}").status_code == 404
    assert dataset.name not in text(client.get("/data/"))


def test_a_viewer_looks_and_is_told_why_nothing_can_be_added(client: Client, viewer: User, dataset: DataSet) -> None:
    client.force_login(viewer)
    assert "You are a viewer" in text(client.get("/data/"))
    assert send(client, GOOD).status_code == 403


def test_search_and_task_narrow_the_list_and_nonsense_does_no_harm(browser: Client, dataset: DataSet) -> None:
    assert dataset.name in text(browser.get("/data/?q=SUM&task=CHAT_COMPLETION"))
    assert "No data set matches" in text(browser.get("/data/?task=CONTINUED_PRETRAIN"))
    assert browser.get("/data/?q=%00&task=banana&page=-7").status_code == 200
