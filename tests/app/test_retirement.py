"""A base model's end: announced, carried out on its day, undone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.models import AuditEntry, BaseModel, ModelVersion, Run, User
from runs.services import retirement
from runs.services.refused import CannotRetire, ModelRetired, NotAllowed
from tests.app.conftest import Submit


@pytest.fixture
def newer(base_model: BaseModel) -> BaseModel:
    copy = BaseModel.objects.get(pk=base_model.pk)
    copy.pk, copy.name = None, "test/tiny-chat-2"
    copy.save()
    return copy


def retire(
    model: BaseModel, by: User, days: int = 0, replacement: BaseModel | None = None, reason: str = "Too old."
) -> BaseModel:
    on = timezone.localdate() + timedelta(days=days)
    return retirement.retire(model=model, by=by, on=on, replacement=replacement, reason=reason)


def test_until_its_day_a_model_is_offered_with_a_warning(submit: Submit, base_model: BaseModel, admin: User) -> None:
    retire(base_model, admin, days=1)
    assert base_model.is_leaving
    assert base_model in BaseModel.objects.offered()
    assert submit()


def test_from_its_day_on_it_is_refused_and_the_replacement_named(
    submit: Submit, base_model: BaseModel, newer: BaseModel, admin: User
) -> None:
    existing = submit()
    retire(base_model, admin, replacement=newer)
    assert base_model not in BaseModel.objects.offered()
    with pytest.raises(ModelRetired, match="Use test/tiny-chat-2 instead"):
        submit()
    assert not existing.is_terminal


def test_three_months_notice_unless_said_otherwise() -> None:
    assert retirement.default_date() == timezone.localdate() + timedelta(days=90)


def test_the_impact_counts_what_depends_on_the_model(
    submit: Submit, base_model: BaseModel, newer: BaseModel, colleague: User
) -> None:
    submit()
    tuned = submit(by=colleague)
    ModelVersion.objects.create(run=tuned, name="main.default.m", version=1, uri="models:/main.default.m/1")
    assert retirement.impact(base_model) == retirement.Impact(waiting=2, running=0, versions=1, people=2)
    assert retirement.impact(newer) == retirement.Impact(waiting=0, running=0, versions=0, people=0)


def test_only_an_admin_retires_and_restores(base_model: BaseModel, owner: User) -> None:
    with pytest.raises(NotAllowed):
        retire(base_model, owner)
    with pytest.raises(NotAllowed):
        retirement.restore(model=base_model, by=owner, reason="x")


def test_replacements_must_outlive_what_they_replace(base_model: BaseModel, newer: BaseModel, admin: User) -> None:
    with pytest.raises(CannotRetire, match="replace itself"):
        retire(base_model, admin, replacement=base_model)
    retire(newer, admin, days=10)
    with pytest.raises(CannotRetire, match="gone by then"):
        retire(base_model, admin, days=20, replacement=newer)
    assert retire(base_model, admin, days=5, replacement=newer).replacement == newer


def test_a_replacement_that_is_switched_off_helps_nobody(base_model: BaseModel, newer: BaseModel, admin: User) -> None:
    newer.enabled = False
    newer.save()
    with pytest.raises(CannotRetire, match="switched off"):
        retire(base_model, admin, replacement=newer)


def test_a_day_that_is_over_and_an_empty_reason_are_refused(base_model: BaseModel, admin: User) -> None:
    with pytest.raises(CannotRetire, match="This day is over"):
        retire(base_model, admin, days=-1)
    with pytest.raises(CannotRetire, match="Say why"):
        retire(base_model, admin, reason="  ")


def test_of_a_family_all_or_none_are_retired(base_model: BaseModel, newer: BaseModel, admin: User) -> None:
    with pytest.raises(CannotRetire):
        retirement.retire_all(
            models=[base_model, newer], by=admin, on=timezone.localdate(), replacement=newer, reason="The family goes."
        )
    assert not BaseModel.objects.retired().exists()
    assert not AuditEntry.objects.filter(action="model.retire").exists()


def test_a_restored_model_is_as_before(submit: Submit, base_model: BaseModel, newer: BaseModel, admin: User) -> None:
    retire(base_model, admin, replacement=newer)
    retirement.restore(model=base_model, by=admin, reason="Still needed.")
    base_model.refresh_from_db()
    assert (base_model.retires_on, base_model.replacement, base_model.retirement_reason) == (None, None, "")
    assert submit()
    with pytest.raises(CannotRetire, match="not retired"):
        retirement.restore(model=base_model, by=admin, reason="Again.")


def test_the_day_itself_is_written_down_once(base_model: BaseModel, newer: BaseModel, admin: User) -> None:
    retire(base_model, admin)
    retire(newer, admin, days=3)
    assert retirement.announce_due() == [base_model]
    assert retirement.announce_due() == []
    assert AuditEntry.objects.get(action="model.retired").who is None


def test_runs_of_a_retired_model_stay_with_their_settings(run: Run, base_model: BaseModel, admin: User) -> None:
    retire(base_model, admin)
    run.refresh_from_db()
    assert run.asked.model == base_model.name
