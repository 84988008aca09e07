"""Delta tables as the original's client knows them: `catalog.schema.table` and a `data_prep_cluster_id`, to a started run."""

from pathlib import Path
from typing import Any

import pyarrow
import pytest
from deltalake import write_deltalake
from django.conf import settings

from runs import wiring
from runs.models import BaseModel, Run, User
from runs.services import dispatch
from tests.app.conftest import ROWS
from tests.doors.conftest import token_of
from tests.doors.packages import Driver
from tests.fakes import FakeLauncher

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "main.tuning.tickets"
CREATE = """
from databricks.model_training import foundation_model as fm
asked = dict(model='{model}', train_data_path='{name}', register_to='main.tuning', data_prep_cluster_id='finetuning-ui')
run = fm.create(**{{**asked, **dict({changes})}})
answer = run.name, run.train_data_path, run.data_prep_cluster_id, run.status.value
"""


@pytest.fixture
def table() -> Path:
    folder = Path(settings.TABLES_ROOT).joinpath(*NAME.split("."))
    folder.mkdir(parents=True, exist_ok=True)
    write_deltalake(str(folder), pyarrow.Table.from_pylist(ROWS), mode="overwrite")
    return folder


def script(model: BaseModel, **changes: Any) -> str:
    return CREATE.format(model=model.name, name=NAME, changes=", ".join(f"{key}={value!r}" for key, value in changes.items()))


@pytest.mark.parametrize("checked", [True, False])
def test_a_run_on_a_table_is_created_and_started(
    databricks: Driver, base_model: BaseModel, accepted: None, table: Path, launcher: FakeLauncher, checked: bool
) -> None:
    name, path, cluster, status = databricks(script(base_model, validate_inputs=checked, eval_data_path=NAME))
    assert (path, cluster, status) == (NAME, "finetuning-ui", "PENDING")
    dispatch.start_waiting()
    run = Run.objects.get()
    assert (run.name, run.status) == (name, "STARTING")
    spec = wiring.run_folder(name).read_spec()
    assert (spec.train.source.partition("@")[0], spec.train.rows) == (NAME, len(ROWS))
    assert spec.train.source_version == f"v{spec.train.source.partition('@v')[2]}"
    assert spec.evaluation is not None


REFUSED = [
    ({"data_prep_cluster_id": None}, "cluster"),
    ({"data_prep_cluster_id": "0101-other"}, "0101-other"),
    ({"data_prep_cluster_id": "serverless"}, "erverless"),
    ({"train_data_path": "main.tuning.none"}, "main.tuning.none"),
    ({"train_data_path": "main.tuning"}, "main.tuning"),
]


def test_its_own_checks_find_what_is_not_there(databricks: Driver, base_model: BaseModel, accepted: None, table: Path) -> None:
    for changes, words in REFUSED:
        told = databricks.run(script(base_model, **changes))
        assert (told.error, words in told.text) == ("ValidationError", True), (changes, told.trace)
    told = databricks.run(script(base_model, train_data_path="main.tuning.none", validate_inputs=False))
    assert (told.error, "Error 400" in told.text) == ("MultiMAPIException", True), told.trace
    assert not Run.objects.exists()


def test_a_viewer_trains_on_no_table(databricks: Driver, base_model: BaseModel, viewer: User, table: Path) -> None:
    told = databricks.run(script(base_model, validate_inputs=False), DATABRICKS_TOKEN=token_of(viewer))
    assert "Error 403" in told.text, told.trace
