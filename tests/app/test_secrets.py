"""Secrets are encrypted at rest, used where they are needed, and never shown again."""

import json
import pickle
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from runs.models import AuditEntry, Secret, User
from runs.models.sealed import CannotOpen, Sealed
from runs.services import secrets
from runs.services.refused import Invalid, NotAllowed, NotFound
from runs.services.secrets import Name
from tests.app.conftest import text

HUB, PLAIN = Name.HUB_TOKEN, "hf_from-the-planted-tests"


def raw() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM runs_secret t")
        return "".join(row[0] for row in cursor.fetchall())


def test_only_ciphertext_reaches_the_database(owner: User) -> None:
    secrets.put(name=HUB, value=f" {PLAIN}\n", by=owner, owner=owner)
    assert PLAIN not in raw()
    assert secrets.opened(HUB, by=owner) == PLAIN
    kept = Secret.objects.get()
    assert PLAIN not in f"{kept} {kept.value!r} {vars(kept)} {Secret.objects.values()}"
    assert "hf_" not in str(AuditEntry.objects.filter(action="secret.set").values())


def test_a_sealed_text_goes_into_no_message_and_no_file() -> None:
    sealed = Sealed.of(PLAIN)
    assert f"{sealed} {sealed!r}" == "(hidden) (hidden)"
    for write in (json.dumps, pickle.dumps):
        with pytest.raises(TypeError):
            write(sealed)


def test_plain_text_does_not_stay_on_an_object_it_was_assigned_to(owner: User) -> None:
    secret = Secret(name=HUB, owner=owner, value=PLAIN)
    assert PLAIN not in str(vars(secret))
    secret.save()
    Secret.objects.update(value="another")
    assert Secret.objects.get().value.open() == "another"
    assert "another" not in raw()


def test_ones_own_comes_before_the_installations_and_that_before_the_environments(
    owner: User, admin: User, colleague: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "HF_TOKEN", "from the environment")
    assert secrets.opened(HUB, by=owner) == "from the environment"
    secrets.put(name=HUB, value="of all", by=admin, owner=None)
    secrets.put(name=HUB, value="mine", by=owner, owner=owner)
    assert [secrets.opened(HUB, by=who) for who in (owner, colleague, None)] == ["mine", "of all", "of all"]
    secrets.remove(name=HUB, by=owner, owner=owner)
    assert secrets.opened(HUB, by=owner) == "of all"
    with pytest.raises(NotFound):
        secrets.remove(name=HUB, by=owner, owner=owner)


def test_nobody_sets_anothers_and_only_admins_the_installations(owner: User, colleague: User, admin: User) -> None:
    for by, whose in ((owner, None), (owner, colleague), (admin, owner)):
        with pytest.raises(NotAllowed):
            secrets.put(name=HUB, value="x", by=by, owner=whose)
        with pytest.raises(NotAllowed):
            secrets.remove(name=HUB, by=by, owner=whose)
    assert not Secret.objects.exists()


@pytest.mark.parametrize("value", ["", "  ", "two\nlines", "nul\x00", "x" * 4_097])
def test_what_is_no_secret_is_refused_without_repeating_it(owner: User, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        secrets.put(name=HUB, value=value, by=owner, owner=owner)
    assert "lines" not in refused.value.message


def test_keys_are_rotated_with_old_ones_behind(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = settings.SECRETS_KEYS[0], Fernet.generate_key().decode()
    secrets.put(name=HUB, value=PLAIN, by=owner, owner=owner)
    monkeypatch.setattr(settings, "SECRETS_KEYS", [new])
    with pytest.raises(Invalid, match=r"Hugging Face token: .*Set it again"):
        secrets.opened(HUB, by=owner)
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("reseal")
    monkeypatch.setattr(settings, "SECRETS_KEYS", [new, old])
    call_command("reseal", stdout=(said := StringIO()))
    assert said.getvalue().startswith("1 secrets")
    monkeypatch.setattr(settings, "SECRETS_KEYS", [new])
    assert secrets.opened(HUB, by=owner) == PLAIN
    monkeypatch.setattr(settings, "SECRETS_KEYS", [old])
    with pytest.raises(CannotOpen):
        Secret.objects.get().value.open()


def test_a_new_key_is_printed_and_works() -> None:
    call_command("reseal", "--new-key", stdout=(said := StringIO()))
    assert Fernet(said.getvalue().strip())


def test_the_account_page_sets_replaces_and_forgets_without_ever_showing(client: Client, owner: User) -> None:
    client.force_login(owner)
    saved = client.post("/account/secrets/hub_token/", {"value": PLAIN}, follow=True)
    assert "is kept, encrypted" in text(saved)
    assert "Replace" in text(saved)
    assert PLAIN not in text(saved)
    refused = client.post("/account/secrets/hub_token/", {"value": "a\nb"})
    assert (refused.status_code, "one line" in text(refused)) == (422, True)
    assert secrets.opened(HUB, by=owner) == PLAIN
    client.post("/account/secrets/hub_token/", {"remove": ""})
    assert not Secret.objects.exists()
    assert client.post("/account/secrets/other/", {"value": "x"}).status_code == 404


def test_the_console_sets_the_installations_and_shows_nothing_of_it(console: Client, owner: User) -> None:
    secrets.put(name=HUB, value="hf_of-the-owner", by=owner, owner=owner)
    made = console.post("/admin/runs/secret/add/", {"name": "hub_token", "text": PLAIN}, follow=True)
    assert made.status_code == 200
    shared = Secret.objects.get(owner=None)
    pages = [made, console.get("/admin/runs/secret/"), console.get(f"/admin/runs/secret/{shared.pk}/change/")]
    assert not any(PLAIN in text(page) or shared.value.ciphertext in text(page) for page in pages)
    assert secrets.opened(HUB) == PLAIN
    console.post(f"/admin/runs/secret/{shared.pk}/change/", {"text": "hf_newer"})
    assert secrets.opened(HUB) == "hf_newer"
    console.post(f"/admin/runs/secret/{shared.pk}/delete/", {"post": "yes"})
    assert list(Secret.objects.values_list("owner", flat=True)) == [owner.pk]
