"""Runs that go on from the weights of earlier ones: how these are named, who may, and where the chain is seen."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from runs import wiring
from runs.models import DataSet, ModelVersion, Run, User
from runs.models.visibility import Visibility
from runs.registry.card import card
from runs.registry.history import History
from runs.registry.papers import tags
from runs.services import access, lifecycle, mirroring
from runs.services.lineage import chain
from runs.services.refused import CannotDelete, Refused, UnknownData
from runs.services.specification import specification
from tests.app.conftest import Submit, text
from tests.fakes import FakeLauncher

EXPERIMENT, TRACKED = "7", "0123456789abcdef0123456789abcdef"


@pytest.fixture
def earlier(run: Run) -> Run:
    """A finished run with a checkpoint of every kind, registered as main.default.helpdesk version 3."""
    folder = wiring.run_folder(run.name)
    for place, file in (
        (folder.model, "config.json"),
        (folder.checkpoints / "ep1-ba30", "config.json"),
        (folder.checkpoints / "ep1-ba40", "adapter_config.json"),
    ):
        place.mkdir(parents=True)
        (place / file).write_text("{}")
    Run.objects.filter(pk=run.pk).update(
        status="STOPPED", completed_at=run.created_at, mlflow_experiment_id=EXPERIMENT, mlflow_run_id=TRACKED
    )
    run.refresh_from_db()
    ModelVersion.objects.create(run=run, name="main.default.helpdesk", version=3, uri="models:/main.default.helpdesk/3")
    return run


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("{run}", "model"),
        ("{run}/ep1-ba30", "checkpoints/ep1-ba30"),
        ("{run}/ep1-ba40", "checkpoints/ep1-ba40"),
        ("main.default.helpdesk/3", "model"),
        ("main.default.helpdesk", "model"),
        ("models:/main.default.helpdesk/3", "model"),
        ("dbfs:/databricks/mlflow-tracking/7/" + TRACKED + "/artifacts/{run}/checkpoints/ep1-ba30", "checkpoints/ep1-ba30"),
        (
            "dbfs:/databricks/mlflow-tracking/7/" + TRACKED + "/artifacts/{run}/checkpoints/ep1-ba30/x.symlink",
            "checkpoints/ep1-ba30",
        ),
        ("dbfs:/databricks/mlflow-tracking/7/" + TRACKED + "/artifacts", "model"),
    ],
)
def test_weights_have_several_names(submit: Submit, earlier: Run, reference: str, place: str) -> None:
    later = submit(custom_weights_path=reference.format(run=earlier.name))
    assert later.starts_from == earlier
    folder = wiring.run_folder(later.name)
    assert specification(later, folder).custom_weights_path == wiring.run_folder(earlier.name).path / place


@pytest.mark.parametrize(
    "reference",
    [
        "{run}/ep9-ba90",
        "{run}/model",
        "{run}/../{run}/model",
        "main.default.helpdesk/4",
        "main.default.other",
        "dbfs:/databricks/mlflow-tracking/8/" + TRACKED + "/artifacts",
        "dbfs:/databricks/mlflow-tracking/7/../artifacts/{run}",
        "/etc/passwd",
    ],
)
def test_what_is_not_there_is_refused_with_the_ways_to_say_it(submit: Submit, earlier: Run, reference: str) -> None:
    with pytest.raises(UnknownData, match="There are no weights at") as refusal:
        submit(custom_weights_path=reference.format(run=earlier.name))
    assert refusal.value.problems[0].field == "custom_weights_path"


@pytest.mark.parametrize(
    "reference", ["{run}", "main.default.helpdesk/3", f"dbfs:/databricks/mlflow-tracking/7/{TRACKED}/artifacts"]
)
def test_a_private_run_of_others_gives_no_weights(submit: Submit, earlier: Run, stranger: User, reference: str) -> None:
    access.accept_licence(licence=earlier.base_model.licence, by=stranger)
    DataSet.objects.update(visibility=Visibility.EVERYONE)
    with pytest.raises(UnknownData, match="There are no weights"):
        submit(by=stranger, custom_weights_path=reference.format(run=earlier.name))
    Run.objects.filter(pk=earlier.pk).update(visibility=Visibility.EVERYONE)
    assert submit(by=stranger, custom_weights_path=reference.format(run=earlier.name)).starts_from == earlier


@pytest.fixture
def grandchild(submit: Submit, earlier: Run, launcher: FakeLauncher) -> Run:
    child = submit(custom_weights_path=f"{earlier.name}/ep1-ba30")
    model = wiring.run_folder(child.name).model
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    return submit(custom_weights_path=child.name)


def test_the_chain_goes_back_to_the_first_run(grandchild: Run, earlier: Run) -> None:
    labels = [weights.label for weights in chain(grandchild)]
    assert labels == [grandchild.starts_from.name, f"{earlier.name}/ep1-ba30"]  # type: ignore[union-attr]
    spec = specification(grandchild, wiring.run_folder(grandchild.name))
    assert spec.lineage == tuple(labels)


def test_the_chain_is_in_mlflows_tags_and_on_the_card(grandchild: Run, earlier: Run) -> None:
    nearest = grandchild.starts_from.name  # type: ignore[union-attr]
    told = mirroring._tags(grandchild)
    assert told["finetuning.starts_from"] == nearest
    assert told["finetuning.lineage"] == f"{nearest} < {earlier.name}/ep1-ba30 < test/tiny-chat"
    spec = specification(grandchild, wiring.run_folder(grandchild.name))
    from runs.registry.protocol import LicenceNotice, Publication

    publication = Publication(
        name="main.default.x", run_name=grandchild.name, run_folder=wiring.run_folder(grandchild.name).path,
        mlflow_experiment_id="1", mlflow_run_id="2", licence=LicenceNotice(key="k", name="n"),
    )  # fmt: skip
    assert tags(publication, spec)["starts_from"] == nearest
    assert f"It went on from `{nearest}`, and that from `{earlier.name}/ep1-ba30`." in card(publication, spec, History())


def test_the_run_page_shows_where_it_comes_from_and_what_came_of_it(
    client: Client, owner: User, grandchild: Run, earlier: Run
) -> None:
    client.force_login(owner)
    page = text(client.get(f"/runs/{grandchild.name}/"))
    assert f'href="/runs/{earlier.name}/"' in page
    assert f"{earlier.name}/ep1-ba30" in page
    first = text(client.get(f"/runs/{earlier.name}/"))
    assert "Continued by" in first
    assert grandchild.starts_from.name in first  # type: ignore[union-attr]


def test_the_page_of_a_registered_model_shows_the_chain(client: Client, owner: User, grandchild: Run, earlier: Run) -> None:
    ModelVersion.objects.create(run=grandchild, name="main.default.later", version=1, uri="models:/main.default.later/1")
    client.force_login(owner)
    page = text(client.get(reverse("registered-model", args=["main.default.later"])))
    assert f'href="/runs/{earlier.name}/"' in page


def test_who_may_not_open_an_earlier_run_reads_its_name_only(
    client: Client, stranger: User, grandchild: Run, earlier: Run
) -> None:
    Run.objects.filter(pk=grandchild.pk).update(visibility=Visibility.EVERYONE)
    client.force_login(stranger)
    page = text(client.get(f"/runs/{grandchild.name}/"))
    assert earlier.name in page
    assert f'href="/runs/{earlier.name}/"' not in page


def test_a_run_whose_weights_are_awaited_is_not_deleted(submit: Submit, owner: User, earlier: Run) -> None:
    later = submit(custom_weights_path=earlier.name)
    with pytest.raises(CannotDelete, match="goes on from its weights"):
        lifecycle.delete(run=earlier, by=owner)
    lifecycle.cancel(run=later, by=owner)
    lifecycle.delete(run=earlier, by=owner)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"early_stopping_patience": 3}, "early_stopping_patience"),
        ({"keep_policy": "best"}, "keep_policy"),
        ({"lora_rank": 8}, "lora_rank"),
        ({"method": "lora", "lora_targets": "lm_head"}, "lora_targets"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(submit: Submit, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        submit(**changes)
    assert [problem.field for problem in refusal.value.problems] == [field]


def test_methods_and_optimizers_have_learning_rates_of_their_own(submit: Submit) -> None:
    def rate(run: Run) -> float | None:
        return specification(run, wiring.run_folder(run.name)).hyperparameters.learning_rate

    assert rate(submit()) == 0.001
    assert rate(submit(method="lora")) == 0.01
    assert rate(submit(optimizer="lion")) == 0.000333
    assert rate(submit(method="lora", optimizer="lion")) == 0.00333
    assert rate(submit(method="qlora", learning_rate=0.5)) == 0.5
