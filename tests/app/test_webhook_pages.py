"""Webhooks on the account page: made by a form, their secret shown once, each with a log, nobody else's within reach."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from runs.models import Delivery, User, Webhook
from runs.models.webhook import DeliveryState
from runs.services import webhooks
from runs.services.refused import NotAllowed
from tests.app.test_account_pages import text

HOOK = "https://hooks.example.org/mine"


@pytest.fixture(autouse=True)
def _allowed(settings: Any) -> None:
    settings.WEBHOOK_HOSTS = ["hooks.example.org"]


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def webhook(owner: User) -> Webhook:
    return webhooks.create(by=owner, url=HOOK)[0]


def test_the_form_makes_a_webhook_and_shows_its_secret_once(browser: Client, owner: User) -> None:
    made = browser.post("/account/webhooks/", {"url": HOOK, "statuses": ["FAILED", "COMPLETED"], "only_mine": "all"})
    webhook = Webhook.objects.get()
    assert (webhook.owner, webhook.statuses, webhook.only_mine) == (owner, ["COMPLETED", "FAILED"], False)
    assert webhook.secret.open() in made.content.decode()
    assert made["Cache-Control"].startswith("max-age=0")
    again = browser.get("/account/").content.decode()
    assert HOOK in again
    assert "whsec_" not in again


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": ""}, "Say where to."),
        ({"url": "https://elsewhere.example.com/"}, "Nothing may be sent to elsewhere.example.com"),
        ({"url": "ftp://hooks.example.org"}, "This is no address"),
        ({"url": HOOK, "statuses": ["ASLEEP"]}, "ASLEEP"),
        ({"url": HOOK, "only_mine": "theirs"}, "theirs"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(browser: Client, fields: dict[str, Any], said: str) -> None:
    answer = browser.post("/account/webhooks/", {"only_mine": "mine", **fields})
    assert (answer.status_code, Webhook.objects.count()) == (422, 0)
    assert said in text(answer)


def test_without_hosts_there_is_a_sentence_and_no_form(browser: Client, settings: Any) -> None:
    settings.WEBHOOK_HOSTS = []
    shown = browser.get("/account/")
    assert "an admin must first say where messages may go, with WEBHOOK_HOSTS" in text(shown)
    assert "/account/webhooks/" not in shown.content.decode()


def test_the_log_shows_what_was_sent_and_what_was_given_up_goes_again(browser: Client, webhook: Webhook) -> None:
    assert "Nothing yet." in text(browser.get(f"/account/webhooks/{webhook.pk}/"))
    tested = browser.post(f"/account/webhooks/{webhook.pk}/test/", follow=True)
    assert re.search(r"ping – waiting 0 ", text(tested))
    Delivery.objects.update(state=DeliveryState.GIVEN_UP, attempts=7, answer_status=500, answer="<b>no</b>")
    assert "given up 7 500 &lt;b&gt;no&lt;/b&gt;" in text(browser.get(f"/account/webhooks/{webhook.pk}/"))
    sent = browser.post(f"/account/webhooks/{webhook.pk}/{Delivery.objects.get().pk}/retry/", follow=True)
    assert "The message is sent again" in text(sent)
    assert Delivery.objects.get().state == DeliveryState.WAITING


def test_it_is_switched_off_and_on_and_deleted_after_a_question(browser: Client, webhook: Webhook) -> None:
    for sent, active in (({}, False), ({"active": "on"}, True)):
        browser.post(f"/account/webhooks/{webhook.pk}/switch/", sent)
        webhook.refresh_from_db()
        assert webhook.active is active
    assert "Delete this webhook?" in text(browser.get(f"/account/webhooks/{webhook.pk}/delete/"))
    assert Webhook.objects.exists()
    assert "Nothing more is sent there." in text(browser.post(f"/account/webhooks/{webhook.pk}/delete/", follow=True))
    assert not Webhook.objects.exists()


def test_anothers_webhook_is_not_there(client: Client, colleague: User, webhook: Webhook) -> None:
    client.force_login(colleague)
    page = f"/account/webhooks/{webhook.pk}/"
    assert client.get(page).status_code == 404
    for verb in ("test", "switch", "delete", f"{uuid.uuid4()}/retry"):
        assert client.post(f"{page}{verb}/").status_code == 404, verb
    assert Webhook.objects.get().active
    assert HOOK not in client.get("/account/").content.decode()


def test_a_viewer_is_offered_none(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert "Webhooks" not in text(client.get("/account/"))
    assert client.post("/account/webhooks/", {"url": HOOK, "only_mine": "mine"}).status_code == 403
    with pytest.raises(NotAllowed):
        webhooks.create(by=viewer, url=HOOK)
