"""`databricks-sdk`, old and new, on what the tutorials touch beside a run: files, volumes, tables, models, permissions."""

import io
from pathlib import Path

import httpx
import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated
from django.conf import settings

from runs.models import ModelVersion, Run, User
from tests.doors.conftest import token_of
from tests.doors.packages import Driver
from tests.serving import Web

pytestmark = pytest.mark.django_db(transaction=True)
PLACE = "/Volumes/main/default/sdk"
MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def _volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume, and no credentials but those that a test names."""
    (Path(settings.VOLUMES_ROOT) / "main" / "default" / "sdk").mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def connected(web: Web, token: str) -> WorkspaceClient:
    return WorkspaceClient(host=web.url, token=token)


def test_files_go_both_ways_and_are_listed(web: Web, token: str) -> None:
    files = connected(web, token).files
    files.create_directory(f"{PLACE}/deep/er")
    files.upload(f"{PLACE}/deep/a.txt", io.BytesIO(b"written"), overwrite=True)
    with files.download(f"{PLACE}/deep/a.txt").contents as told:  # type: ignore[union-attr]
        assert told.read() == b"written"
    assert files.get_metadata(f"{PLACE}/deep/a.txt").content_length == 7
    listed = list(files.list_directory_contents(f"{PLACE}/deep"))
    assert [(entry.name, entry.is_directory) for entry in listed] == [("a.txt", False), ("er", True)]
    files.delete(f"{PLACE}/deep/a.txt")
    with pytest.raises(NotFound):
        files.download(f"{PLACE}/deep/a.txt")


def test_the_old_sdk_does_the_same(databricks: Driver) -> None:
    told = databricks(
        f"""
        import io
        from databricks.sdk import WorkspaceClient
        client = WorkspaceClient()
        client.files.upload('{PLACE}/old.txt', io.BytesIO(b'old'), overwrite=True)
        answer = [client.files.download('{PLACE}/old.txt').contents.read().decode(), client.current_user.me().user_name,
                  [f.name for f in client.files.list_directory_contents('{PLACE}') if f.name == 'old.txt'],
                  client.volumes.read('main.default.sdk').full_name, len(list(client.clusters.list()))]
        """
    )
    assert told == ["old", "owner@example.org", ["old.txt"], "main.default.sdk", 1]


def test_a_large_file_passes_through_little_memory(web: Web, token: str) -> None:
    (Path(settings.VOLUMES_ROOT) / "main" / "default" / "sdk" / "large.bin").write_bytes(b"\0" * (160 * MEGABYTE))
    pid = web.process.pid
    assert pid is not None
    server = psutil.Process(pid)
    headers = {"Authorization": f"Bearer {token}"}
    before, most, size = server.memory_info().rss, 0, 0
    with httpx.stream("GET", f"{web.url}/api/2.0/fs/files{PLACE}/large.bin", headers=headers, timeout=60) as answer:
        for chunk in answer.iter_raw(4 * MEGABYTE):
            size += len(chunk)
            most = max(most, server.memory_info().rss)
    assert size == 160 * MEGABYTE
    assert most - before < 64 * MEGABYTE
    sent = (b"\0" * MEGABYTE for _ in range(96))
    url = f"{web.url}/api/2.0/fs/files{PLACE}/up.bin?overwrite=true"
    assert httpx.put(url, content=sent, headers=headers, timeout=60).status_code == 204
    assert server.memory_info().rss - before < 64 * MEGABYTE


def test_the_catalog_shows_what_is_there_and_says_what_is_not(web: Web, token: str, run: Run, stranger: User) -> None:
    client, other = connected(web, token), connected(web, token_of(stranger))
    ModelVersion.objects.create(run=run, name="main.default.helpdesk", version=1, uri="models:/main.default.helpdesk/1")
    assert client.registered_models.get("main.default.helpdesk").owner == "owner@example.org"
    assert [version.version for version in client.model_versions.list("main.default.helpdesk")] == [1]
    assert client.volumes.read("main.default.sdk").full_name == "main.default.sdk"
    for missing in (
        lambda: client.tables.get("main.default.none"),
        lambda: client.volumes.read("main.default.none"),
        lambda: client.serving_endpoints.get("none"),
        lambda: client.registered_models.get("main.default.none"),
        lambda: other.registered_models.get("main.default.helpdesk"),
    ):
        with pytest.raises(NotFound):
            missing()


def test_who_may_not_write_and_who_is_nobody(web: Web, viewer: User) -> None:
    with pytest.raises(PermissionDenied):
        connected(web, token_of(viewer)).files.upload(f"{PLACE}/v.txt", io.BytesIO(b"v"))
    with pytest.raises(Unauthenticated):
        connected(web, "ftui_wrong").current_user.me()


BAD_BODIES = [
    (b'{"query": "{ getFinetuneConstants { x } }", "query": "{ other }"}', "twice"),
    (b'{"query": "{ getFinetuneConstants { x } }", "variables": ' + b'{"a":' * 40 + b"1" + b"}" * 41, "nested"),
    (b'{"query": "{ getFinetuneConstants { x } ', "not JSON"),
    (b'{"query": "mutation X { dropEverything { x } }"}', "Unknown operation dropEverything"),
    (b'{"query": "{ createFinetune { x } }", "variables": {"createFinetuneData": [1]}}', "wrong type"),
    (b'{"query": "{ getFinetunesPaginated { x } }", "variables": {"getFinetunesPaginatedData": {"limit": "x"}}}', ""),
    (b'{"query": "' + b"x" * (2 * MEGABYTE) + b'"}', "larger than"),
]


def test_a_bad_body_is_refused_in_the_shape_of_the_call(web: Web, token: str) -> None:
    url, headers = f"{web.url}/api/2.0/genai-mapi/graphql", {"Authorization": f"Bearer {token}"}
    for body, words in BAD_BODIES:
        answer = httpx.post(url, content=body, headers=headers, timeout=30)
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] in (400, 413), body[:80]
        assert words in error["message"], body[:80]
    for body in (b'{"model": "a", "model": "b"}', b"[1]", b'{"model":', b"[" * 5_000):
        answer = httpx.post(f"{web.url}/v1/fine_tuning/jobs", content=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error"), body[:40]


def test_what_is_too_large_and_files_of_nobody_are_refused_before_they_are_here(web: Web, token: str) -> None:
    """In the shape of the call; one that we know gets past, however its body comes."""
    pieces, ours = [b"x" * MEGABYTE] * 22, {"Authorization": f"Bearer {token}"}
    graphql = httpx.post(f"{web.url}/api/2.0/genai-mapi/graphql", content=iter(pieces), headers=ours, timeout=30)
    assert (graphql.status_code, graphql.json()["errors"][0]["extensions"]["code"]) == (413, 413)
    batch = httpx.post(f"{web.url}/api/2.0/mlflow/runs/log-batch", content=iter(pieces), headers=ours, timeout=30)
    assert (batch.status_code, batch.json()["error_code"]) == (413, "INVALID_PARAMETER_VALUE")
    for known, status in (({}, 401), ({"Authorization": "Bearer ftui_wrong"}, 401), (ours, 204)):
        url = f"{web.url}/api/2.0/fs/files{PLACE}/large.bin?overwrite=true"
        assert httpx.put(url, content=iter(pieces), headers=known, timeout=30).status_code == status
    nobody = httpx.post(f"{web.url}/v1/files", files={"file": b"".join(pieces)}, timeout=30)
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "invalid_api_key")
