"""Work that tasks follow in turn: one of several wins it, a silent holder loses it, and no message needs to arrive."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from runs.models import Measurement
from runs.models.measurement import State
from runs.services import leases
from runs.services.leases import Lease

pytestmark = pytest.mark.django_db
LEASE = Lease(Measurement, "runs.tasks.measure", stage="state", since="created_at")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Tasks that were sent, instead of sending them."""
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(leases, "after_commit", lambda *task: sent.append(task))
    return sent


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LOOK", 0)


def waits(minutes: int = 0) -> Measurement:
    since = timezone.now() - timedelta(minutes=minutes)
    return Measurement.objects.create(measure="tokens", digest=f"sha256:{minutes}", task_type="x", job={}, created_at=since)


def going_on() -> bool:
    return False


def test_of_several_who_ask_one_wins_and_a_doubled_message_changes_nothing() -> None:
    row = waits()
    token = LEASE.claim(row.pk, done=3)
    assert token
    assert LEASE.claim(row.pk) == ""
    held = LEASE.held(row.pk, token).get()
    assert (held.state, held.done) == (State.RUNNING, 3)
    assert LEASE.claim(row.pk + 1) == "", "there is no such row"


def test_a_spell_looks_until_it_is_over_and_renews_with_each_look() -> None:
    row = waits()
    token = LEASE.claim(row.pk)
    seen: list[Measurement] = []

    def look(found: Measurement) -> bool:
        assert found.lease_heartbeat is not None
        assert all(found.lease_heartbeat > earlier.lease_heartbeat for earlier in seen)  # type: ignore[operator]
        seen.append(found)
        return len(seen) == 3

    assert LEASE.follow(row.pk, token, look, going_on) == ""
    assert len(seen) == 3


@pytest.mark.parametrize("reason", ["the spell is over", "the worker stops"])
def test_who_cannot_go_on_names_a_successor(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = waits()
    token = LEASE.claim(row.pk)
    if reason == "the spell is over":
        monkeypatch.setattr(leases, "SPELL", 0)
    assert LEASE.follow(row.pk, token, lambda _: False, lambda: reason == "the worker stops") == token
    assert LEASE.held(row.pk, token).exists()


def test_nobody_looks_without_the_token_or_at_what_has_ended() -> None:
    row = waits()

    def never(_: Measurement) -> bool:
        raise AssertionError

    assert LEASE.follow(row.pk, "", never, going_on) == ""
    token = LEASE.claim(row.pk)
    assert LEASE.follow(row.pk, "another's", never, going_on) == ""
    Measurement.objects.update(state=State.REFUSED)
    assert LEASE.follow(row.pk, token, never, going_on) == ""


def test_what_ends_between_two_looks_is_followed_no_further() -> None:
    row = waits()

    def look(found: Measurement) -> bool:
        return not Measurement.objects.filter(pk=found.pk).update(state=State.REFUSED)

    assert LEASE.follow(row.pk, LEASE.claim(row.pk), look, going_on) == ""


def test_a_silent_holder_is_replaced_once_and_its_token_is_void(sent: list[tuple[Any, ...]]) -> None:
    row = waits()
    old = LEASE.claim(row.pk)
    LEASE.reap()
    assert sent == [], "its heart has just beaten"
    Measurement.objects.update(lease_heartbeat=timezone.now() - timedelta(seconds=31))
    LEASE.reap()
    LEASE.reap()
    ((task, pk, new),) = sent
    assert (task, pk) == ("runs.tasks.measure", row.pk)
    assert new not in ("", old)
    assert not LEASE.renew(row.pk, old)
    assert LEASE.renew(row.pk, new, done=7)
    assert LEASE.held(row.pk, new).get().done == 7


def test_a_lost_message_is_sent_again_to_those_that_have_waited_longest(sent: list[tuple[Any, ...]]) -> None:
    last, first, middle = (waits(minutes) for minutes in (1, 3, 2))
    LEASE.reap(2)
    assert sent == [("runs.tasks.measure", first.pk, ""), ("runs.tasks.measure", middle.pk, "")]
    LEASE.claim(first.pk)
    sent.clear()
    LEASE.next()
    assert sent == [("runs.tasks.measure", middle.pk, "")]
    assert LEASE.waiting().last() == last
