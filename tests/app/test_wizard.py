"""The wizard, as a browser without scripts sees it: four steps, nothing typed is lost, one draft is one run."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from runs.models import AuditEntry, BaseModel, DataSet, Draft, LicenceAcceptance, Run, User
from runs.services import access, drafts
from tests.app.conftest import ROWS
from tests.offer import tiny_offer

GOOD = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
BAD = b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]}\nnot json\n{"text": "x"}\n'


@pytest.fixture
def model(db: None) -> BaseModel:
    return tiny_offer()


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def draft(model: BaseModel, owner: User) -> Draft:
    """The owner has chosen the model and accepted its licence."""
    access.accept_licence(licence=model.licence, by=owner)
    return Draft.objects.create(owner=owner, values={"model": model.name, "task_type": "CHAT_COMPLETION"})


@pytest.fixture
def ready(draft: Draft, dataset: DataSet) -> Draft:
    """Model and data are chosen."""
    draft.values["train_data_path"] = dataset.name
    draft.save()
    return draft


def at(draft: Draft, step: str) -> str:
    return f"/runs/new/{draft.key}/{step}/"


def upload(content: bytes, name: str = "helpdesk.jsonl") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="application/octet-stream")


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def kept(draft: Draft) -> dict[str, Any]:
    return dict(Draft.objects.get(pk=draft.pk).values)


# From the first page to a run


def test_four_forms_and_a_click_make_a_run(browser: Client, model: BaseModel, owner: User) -> None:
    choice = {"model": model.name, "task_type": "CHAT_COMPLETION", "accept": model.licence.key}
    to_data = browser.post("/runs/new/", choice)
    assert to_data.status_code == 302
    checked = browser.post(to_data["Location"], {"train_data_path-file": upload(GOOD), "go": "next"}, follow=True)
    assert checked.status_code == 200
    assert "20" in text(checked)
    assert "check passed" in text(checked)
    to_training = browser.post(to_data["Location"], {"go": "next"})
    to_review = browser.post(to_training["Location"], {"training_duration": "2ep", "batch_size": "4", "go": "next"})
    assert to_review["Location"].endswith("/review/")
    started = browser.post(to_review["Location"], {"register_to": "main.default.Tiny-sums", "go": "start"})
    run = Run.objects.get()
    assert started["Location"] == f"/runs/{run.name}/"
    assert run.owner == owner
    assert run.register_to == "main.default.Tiny-sums"
    wanted = {"model": model.name, "task_type": "CHAT_COMPLETION", "train_data_path": "helpdesk"}
    assert run.request == {**wanted, "training_duration": "2ep", "batch_size": 4, "register_to": "main.default.Tiny-sums"}


def test_looking_at_the_first_step_writes_nothing(browser: Client, model: BaseModel) -> None:
    browser.get("/runs/new/")
    assert not Draft.objects.exists()


def test_a_double_click_on_start_makes_one_run(browser: Client, ready: Draft) -> None:
    first = browser.post(at(ready, "review"), {"register_to": "main.default", "go": "start"})
    second = browser.post(at(ready, "review"), {"register_to": "main.default", "go": "start"})
    assert first["Location"] == second["Location"]
    assert Run.objects.count() == 1


def test_a_form_sent_again_with_another_name_still_leads_to_the_one_run(browser: Client, ready: Draft) -> None:
    browser.post(at(ready, "review"), {"register_to": "main.default", "go": "start"})
    again = browser.post(at(ready, "review"), {"register_to": "main.other", "go": "start"})
    assert again["Location"] == f"/runs/{Run.objects.get().name}/"


def test_a_crash_between_the_run_and_the_draft_does_not_make_a_second_run(browser: Client, ready: Draft) -> None:
    browser.post(at(ready, "review"), {"register_to": "main.default", "go": "start"})
    Draft.objects.update(run=None)  # as if the process had died before it could write the run down
    browser.post(at(ready, "review"), {"register_to": "main.default", "go": "start"})
    assert Run.objects.count() == 1


def test_a_draft_that_was_started_shows_its_run_at_every_step(browser: Client, ready: Draft) -> None:
    browser.post(at(ready, "review"), {"go": "start"})
    run = Run.objects.get()
    assert all(
        browser.get(at(ready, step))["Location"] == f"/runs/{run.name}/" for step in ("model", "data", "training", "review")
    )


# The model


def test_a_licence_must_be_accepted_and_the_acceptance_says_who_when_and_which_text(
    browser: Client, model: BaseModel, owner: User
) -> None:
    choice = {"model": model.name, "task_type": "CHAT_COMPLETION"}
    refused = browser.post("/runs/new/", choice)
    assert refused.status_code == 422
    assert f"Accept the {model.licence.name} before you use {model.display_name}." in text(refused)
    assert not LicenceAcceptance.objects.exists()
    browser.post("/runs/new/", {**choice, "accept": model.licence.key})
    acceptance = LicenceAcceptance.objects.get()
    assert (acceptance.user, acceptance.licence) == (owner, model.licence)
    assert acceptance.text_digest == access.text_digest(model.licence)
    assert AuditEntry.objects.get(action="licence.accept").who == owner
    assert "You accepted it on" in text(browser.get("/runs/new/"))


def test_the_cards_show_licence_notice_and_duties(browser: Client, model: BaseModel) -> None:
    page = text(browser.get("/runs/new/"))
    assert model.licence.notice in page
    assert all(escape(duty) in page for duty in model.licence.obligations)
    assert "135 M" in page.replace("\xa0", " ")


def test_a_model_that_leaves_says_when_and_one_click_switches_to_its_replacement(browser: Client, model: BaseModel) -> None:
    old = tiny_offer("tiny/Old", retires_on=timezone.localdate() + timedelta(days=30), replacement=model)
    page = browser.get(f"/runs/new/?model={old.name}")
    assert f"leaves {old.retires_on:%-d %b %Y}" in text(page)
    switched = browser.post("/runs/new/", {"model": old.name, "task_type": "CHAT_COMPLETION", "switch": model.name})
    assert re.search(rf'value="{model.name}"[^>]* checked', switched.content.decode())
    assert not Draft.objects.exists()


def test_a_retired_model_is_refused_with_its_replacement(browser: Client, model: BaseModel) -> None:
    old = tiny_offer("tiny/Gone", retires_on=timezone.localdate(), replacement=model)
    refused = browser.post("/runs/new/", {"model": old.name, "task_type": "CHAT_COMPLETION", "accept": model.licence.key})
    assert refused.status_code == 422
    assert f"Use {model.name} instead." in text(refused)


def test_a_model_without_weights_cannot_be_chosen_and_says_where_they_belong(browser: Client, model: BaseModel) -> None:
    absent = tiny_offer("tiny/Absent", folder="/nowhere/tiny")
    page = browser.get("/runs/new/")
    assert "/nowhere/tiny" in text(page)
    assert re.search(r'value="tiny/Absent"[^>]* disabled', page.content.decode())
    refused = browser.post("/runs/new/", {"model": absent.name, "task_type": "CHAT_COMPLETION", "accept": model.licence.key})
    assert refused.status_code == 422
    assert "not on this machine" in text(refused)


def test_a_model_is_only_offered_for_its_tasks(browser: Client, model: BaseModel) -> None:
    model.task_types = ["CONTINUED_PRETRAIN"]
    model.save()
    refused = browser.post("/runs/new/", {"model": model.name, "task_type": "CHAT_COMPLETION", "accept": model.licence.key})
    assert refused.status_code == 422
    assert "is not offered for this task" in text(refused)


@pytest.mark.parametrize("name", ["", "no/such-model", "\x00", "x" * 5_000, "<script>"])
def test_nonsense_for_a_model_is_refused_in_words(browser: Client, model: BaseModel, name: str) -> None:
    refused = browser.post("/runs/new/", {"model": name, "task_type": "banana"})
    assert refused.status_code == 422
    assert "<script>" not in refused.content.decode().replace("<script src", "").replace("<script type", "")


def test_search_narrows_the_models_on_the_server_too(browser: Client, model: BaseModel) -> None:
    tiny_offer("other/Giant", display_name="Giant")
    found = browser.get("/runs/new/?q=giant").content.decode()
    assert 'value="other/Giant"' in found
    assert f'value="{model.name}"' not in found


def test_changing_the_task_forgets_data_of_the_other_task(browser: Client, ready: Draft) -> None:
    browser.post(at(ready, "model"), {"model": ready.values["model"], "task_type": "CONTINUED_PRETRAIN"})
    assert "train_data_path" not in kept(ready)


# The data


def test_a_broken_file_is_refused_with_line_numbers_and_the_form_is_kept(
    browser: Client, draft: Draft, dataset: DataSet
) -> None:
    sent = {"train_data_path-file": upload(BAD), "train_data_path-path": "dbfs:/Volumes/a/b/c/d.jsonl", "go": "next"}
    refused = browser.post(at(draft, "data"), sent)
    assert refused.status_code == 422
    page = text(refused)
    assert "Not JSON" in page
    assert re.search(r"\b2\b", page)
    assert 'value="dbfs:/Volumes/a/b/c/d.jsonl"' in refused.content.decode()
    assert "train_data_path" not in kept(draft)
    report = browser.get("/data/refused.json")
    assert report["Content-Disposition"] == 'attachment; filename="report.json"'
    assert {group["kind"] for group in report.json()["groups"]} >= {"json"}


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\xff\xfe\x01" * 100, "Grüße".encode("latin-1") * 9, b"[1, 2]", b"{}", b'{"prompt": "a", "response": "b"}\n'],
)
def test_no_file_makes_more_than_a_refusal(browser: Client, draft: Draft, content: bytes) -> None:
    refused = browser.post(at(draft, "data"), {"train_data_path-file": upload(content), "go": "next"})
    assert refused.status_code == 422
    assert not DataSet.objects.exists()


def test_the_first_rows_are_shown_as_the_model_sees_them(browser: Client, ready: Draft) -> None:
    page = browser.get(at(ready, "data")).content.decode()
    assert "&lt;|im_start|&gt;" in page
    assert 'class="tok trained' in page
    assert "Row 1:" in page


def test_a_path_in_a_volume_that_does_not_exist_is_refused_at_the_field(browser: Client, draft: Draft) -> None:
    path = "dbfs:/Volumes/main/default/data/nowhere.jsonl"
    refused = browser.post(at(draft, "data"), {"train_data_path-source": "path", "train_data_path-path": path, "go": "next"})
    assert refused.status_code == 422
    assert f'value="{path}"' in refused.content.decode()


def test_a_folder_of_texts_is_chosen_in_the_wizard(browser: Client, model: BaseModel) -> None:
    choice = {"model": model.name, "task_type": "CONTINUED_PRETRAIN", "accept": model.licence.key}
    address = browser.post("/runs/new/", choice)["Location"]
    assert 'name="train_data_path-folder"' in browser.get(address).content.decode()
    folder = [SimpleUploadedFile(f"{number}.txt", b"Some text. " * 20) for number in range(3)]
    checked = browser.post(address, {"train_data_path-folder": folder, "go": "next"}, follow=True)
    assert "texts from 3 files" in text(checked)
    assert DataSet.objects.get().rows == 3


def test_nothing_chosen_says_what_to_choose(browser: Client, draft: Draft) -> None:
    refused = browser.post(at(draft, "data"), {"go": "next"})
    assert refused.status_code == 422
    assert "Choose the rows to train on" in text(refused)


def test_evaluation_data_are_chosen_and_dropped_in_the_same_way(browser: Client, ready: Draft, dataset: DataSet) -> None:
    choice = {"eval_data_path-source": "dataset", "eval_data_path-dataset": dataset.name, "go": "next"}
    assert browser.post(at(ready, "data"), choice)["Location"] == at(ready, "data")
    assert kept(ready)["eval_data_path"] == dataset.name
    browser.post(at(ready, "data"), {"drop": "eval_data_path"})
    assert "eval_data_path" not in kept(ready)


def test_a_strangers_data_set_is_not_there(browser: Client, draft: Draft, dataset: DataSet, stranger: User) -> None:
    DataSet.objects.update(owner=stranger, team=stranger.team)
    choice = {"train_data_path-source": "dataset", "train_data_path-dataset": dataset.name, "go": "next"}
    refused = browser.post(at(draft, "data"), choice)
    assert refused.status_code == 422
    assert f"There is no data set “{dataset.name}”" in text(refused)


# Training


def test_defaults_are_filled_in_and_say_where_they_come_from(browser: Client, ready: Draft) -> None:
    page = browser.get(at(ready, "training"))
    assert 'value="0.001"' in page.content.decode()
    assert "Default for Tiny Instruct." in text(page)
    assert "all at their defaults" in text(page)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("training_duration", "banana", "“banana” is not a duration"),
        ("training_duration", "0ep", "at least 1"),
        ("learning_rate", "-1", "more than 0"),
        ("learning_rate", "fast", "must be a number"),
        ("learning_rate", "nan", "finite"),
        ("context_length", "999999", "at most 512 tokens"),
        ("context_length", "7.5", "whole number"),
        ("batch_size", "0", "at least 1"),
        ("optimizer", "sgd", "must be one of"),
        ("custom_weights_path", "../../etc/passwd", "no weights at"),
    ],
)
def test_bad_settings_are_refused_at_the_field_and_kept_as_typed(
    browser: Client, ready: Draft, field: str, typed: str, said: str
) -> None:
    refused = browser.post(at(ready, "training"), {"training_duration": "3ep", field: typed, "go": "next"})
    assert refused.status_code == 422
    assert said in text(refused)
    if field != "optimizer":  # a list of choices cannot show what is not in it
        assert escape(typed) in refused.content.decode()
    assert "autofocus" in refused.content.decode()


def test_going_back_keeps_what_was_typed_right_or_wrong(browser: Client, ready: Draft) -> None:
    prompts = ["What is 2 + 2?", "Two lines\nof text"]
    back = browser.post(at(ready, "training"), {"training_duration": "banana", "eval_prompts": prompts, "go": "back"})
    assert back["Location"] == at(ready, "data")
    page = browser.get(at(ready, "training")).content.decode()
    assert 'value="banana"' in page
    assert "Two lines\nof text" in page


def test_two_tabs_on_one_draft_keep_what_each_has_typed(owner: User, ready: Draft) -> None:
    first, second = drafts.find(by=owner, key=ready.key), drafts.find(by=owner, key=ready.key)
    drafts.keep(draft=first, by=owner, values={"learning_rate": "0.002"})
    drafts.keep(draft=second, by=owner, values={"batch_size": "4"})
    assert {"learning_rate": "0.002", "batch_size": "4"}.items() <= kept(ready).items()


def test_a_value_set_back_to_its_default_is_forgotten(browser: Client, ready: Draft) -> None:
    browser.post(at(ready, "training"), {"batch_size": "4", "gradient_checkpointing": "on", "go": "next"})
    assert kept(ready)["batch_size"] == "4"
    assert kept(ready)["gradient_checkpointing"] == "on"
    page = text(browser.get(at(ready, "training")))
    assert "2 differ from the default: Batch size, Gradient checkpointing" in page
    browser.post(at(ready, "training"), {"batch_size": "8", "learning_rate": "0.001", "go": "next"})
    assert not {"batch_size", "learning_rate", "gradient_checkpointing"} & kept(ready).keys()


def test_advice_is_held_against_these_data(browser: Client, ready: Draft) -> None:
    browser.post(at(ready, "training"), {"training_duration": "9ep", "go": "next"})
    page = text(browser.get(at(ready, "training")))
    assert "Each row is seen 9 times." in page
    assert "forgets other tasks" in page


# Review


def test_review_shows_the_run_as_python_and_as_curl(browser: Client, ready: Draft) -> None:
    browser.post(at(ready, "training"), {"training_duration": "3ep", "learning_rate": "2e-4", "go": "next"})
    page = text(browser.get(at(ready, "review")))
    assert "fm.create(" in page
    assert "training_duration=&#x27;3ep&#x27;" in page
    assert "Authorization: Bearer $FTUI_TOKEN" in page
    assert "&quot;learning_rate&quot;: 0.0002" in page


def test_a_name_that_breaks_the_licence_rule_gets_a_hint_and_may_still_be_used(browser: Client, ready: Draft) -> None:
    assert "begins with “Tiny”" in text(browser.get(at(ready, "review")))
    browser.post(at(ready, "review"), {"register_to": "main.default.Tiny-sums", "go": "back"})
    assert "begins with" not in text(browser.get(at(ready, "review")))


@pytest.mark.parametrize("name", ["", "helpdesk", "a.b.c d", "..", "a" * 300, "main.default.\x00"])
def test_a_name_that_is_not_catalog_schema_model_is_refused_at_the_field(browser: Client, ready: Draft, name: str) -> None:
    refused = browser.post(at(ready, "review"), {"register_to": name, "go": "start"})
    if not name:  # nothing typed is the default
        assert Run.objects.get().register_to.startswith("main.default.")
        return
    assert refused.status_code == 422
    assert not Run.objects.exists()


def test_what_was_found_in_the_data_is_said_before_the_start(browser: Client, ready: Draft) -> None:
    assert "Found in the training data" not in text(browser.get(at(ready, "review")))
    Draft.objects.update(values={**ready.values, "eval_data_path": ready.values["train_data_path"]})
    page = text(browser.get(at(ready, "review")))
    assert "Evaluation rows in the training data:" in page
    assert "The run can start all the same." in page


def test_what_stands_in_the_way_is_named_with_the_step_that_mends_it(browser: Client, ready: Draft) -> None:
    BaseModel.objects.update(retires_on=timezone.localdate())
    page = text(browser.get(at(ready, "review")))
    assert "was retired on" in page
    assert "Mend it in Model" in page
    refused = browser.post(at(ready, "review"), {"go": "start"})
    assert refused.status_code == 422
    assert not Run.objects.exists()


# Around it


def test_a_step_too_far_leads_to_the_one_that_is_missing(browser: Client, draft: Draft) -> None:
    assert browser.get(at(draft, "review"))["Location"] == at(draft, "data")


def test_cloning_takes_the_settings_of_an_earlier_run(browser: Client, ready: Draft) -> None:
    browser.post(at(ready, "training"), {"training_duration": "3ep", "eval_prompts": ["hi"], "seed": "5", "go": "next"})
    browser.post(at(ready, "review"), {"go": "start"})
    run = Run.objects.get()
    model = ready.values["model"]
    begun = browser.post(f"/runs/new/?from={run.name}", {"model": model, "task_type": "CHAT_COMPLETION"})
    copy = Draft.objects.get(run=None)
    assert begun["Location"] == at(copy, "data")
    assert copy.values["seed"] == 5
    assert copy.values["training_duration"] == "3ep"
    assert copy.values["eval_prompts"] == ["hi"]
    assert 'value="3ep"' in browser.get(at(copy, "training")).content.decode()


def test_cloning_a_run_that_one_may_not_see_is_not_found(browser: Client, stranger: User, ready: Draft) -> None:
    browser.post(at(ready, "review"), {"go": "start"})
    browser.force_login(stranger)
    assert browser.get(f"/runs/new/?from={Run.objects.get().name}").status_code == 404


def test_a_draft_survives_logging_out_and_is_nobody_elses(client: Client, owner: User, colleague: User, ready: Draft) -> None:
    client.force_login(owner)
    client.logout()
    assert client.get(at(ready, "training"))["Location"].startswith("/login/")
    client.force_login(colleague)
    assert client.get(at(ready, "training")).status_code == 404
    client.force_login(owner)
    assert client.get(at(ready, "training")).status_code == 200
    assert "unfinished run" in text(client.get("/runs/new/"))


def test_a_draft_can_be_thrown_away(browser: Client, ready: Draft) -> None:
    browser.post(f"/runs/new/{ready.key}/discard/")
    assert not Draft.objects.exists()


def test_a_viewer_sees_the_wizard_and_is_told_why_nothing_can_be_started(
    client: Client, viewer: User, model: BaseModel
) -> None:
    client.force_login(viewer)
    page = client.get("/runs/new/")
    assert page.status_code == 200
    assert "You are a viewer" in text(page)
    assert "Next: data" not in text(page)
    refused = client.post("/runs/new/", {"model": model.name, "task_type": "CHAT_COMPLETION", "accept": model.licence.key})
    assert refused.status_code == 403
    assert not Draft.objects.exists()


def test_the_summary_follows_what_is_typed_and_keeps_nothing(browser: Client, ready: Draft) -> None:
    fields = {"draft": ready.key, "training_duration": "5ep"}
    page = text(browser.post("/runs/new/summary/", fields))
    assert "5 epochs" in page
    assert "training_duration" not in kept(ready)
    wrong = text(browser.post("/runs/new/summary/", {**fields, "training_duration": "banana"}))
    assert "is not a duration" in wrong
