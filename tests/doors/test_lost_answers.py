"""Connections that break after the request was sent and before the answer came: clients ask again, and one thing is made."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from finetuning_ui.client.errors import ConnectionFailed
from finetuning_ui.client.rest import Client
from runs.models import BaseModel, DataSet, Run
from tests.app.conftest import ROWS
from tests.doors.cutting import Proxy, losing
from tests.doors.packages import Driver
from tests.serving import Web

pytestmark = pytest.mark.django_db(transaction=True)
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


@pytest.fixture
def proxy(web: Web) -> Iterator[Proxy]:
    with losing(web.port) as made:
        yield made


def test_the_original_client(proxy: Proxy, databricks: Driver, base_model: BaseModel, dataset: DataSet, accepted: None) -> None:
    """It repeats the request by itself. Two runs that are wanted stay two."""
    script = f"""
    from databricks.model_training import foundation_model as fm
    asked = dict(model='{base_model.name}', train_data_path='{dataset.name}', register_to='main.x', validate_inputs=False)
    answer = [fm.create(**asked).name for _ in range(%d)]
    """
    proxy.lose(b"createFinetune")
    (name,) = databricks(script % 1, DATABRICKS_HOST=proxy.url)
    assert proxy.lost == 1
    assert Run.objects.get().name == name
    assert len(set(databricks(script % 2, DATABRICKS_HOST=proxy.url))) == 2
    assert Run.objects.count() == 3


def test_openais_client(proxy: Proxy, token: str, base_model: BaseModel, accepted: None) -> None:
    with openai.OpenAI(base_url=f"{proxy.url}/v1", api_key=token) as client:
        proxy.lose(b"POST /v1/files")
        file = client.files.create(file=("rows.jsonl", io.BytesIO(LINES)), purpose="fine-tune")
        assert proxy.lost == 1
        assert file.id == f"file-{DataSet.objects.get().name}"
        proxy.lose(b"POST /v1/fine_tuning/jobs")
        job = client.fine_tuning.jobs.create(model=base_model.name, training_file=file.id)
        assert proxy.lost == 1
        assert job.id == f"ftjob-{Run.objects.get().name}"
        client.fine_tuning.jobs.create(model=base_model.name, training_file=file.id)
    assert Run.objects.count() == 2, "a second one that is wanted"


def test_our_own_client(proxy: Proxy, token: str, base_model: BaseModel, accepted: None, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(LINES)
    asked: dict[str, Any] = {"model": base_model.name, "register_to": "main.x"}
    with Client(proxy.url, token) as client:
        proxy.lose(b"POST /api/v1/datasets")
        made = client.upload(path)
        assert (proxy.lost, DataSet.objects.get().name) == (1, made["name"])
        proxy.lose(b"POST /api/v1/runs")
        run = client.create(train_data_path=made["name"], **asked)
        assert (proxy.lost, Run.objects.get().name) == (1, run["name"])
        proxy.lose(b"GET /api/v1/whoami")
        assert client.whoami()["username"] == "owner"
        proxy.lose(b"/cancel")
        with pytest.raises(ConnectionFailed):
            client.cancel(run["name"])  # has no key, and asked again it would be refused
    assert Run.objects.get().status == "STOPPED"
