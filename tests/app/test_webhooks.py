"""Webhooks against a real receiver: a process of its own that checks each signature and writes down what came."""

import base64
import hashlib
import hmac
import ipaddress
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils import timezone

from runs.models import BaseModel, DataSet, Delivery, Run, RunStatus, StatusChange, User, Webhook
from runs.services import delivering, outbound, webhooks
from runs.services.outbound import Unreachable
from runs.services.refused import Unfit
from tests import scenes
from tests.app.conftest import Call, caller

pytestmark = pytest.mark.django_db(transaction=True)
RECEIVER = """
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open(sys.argv[1], "a") as out:
            out.write(json.dumps({"path": self.path, "headers": dict(self.headers), "body": body}) + "\\n")
        status = int(self.path.strip("/") or 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/200")
        self.end_headers()
        self.wfile.write(b"thanks")

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Receiver:
    def __init__(self, port: int, file: Path) -> None:
        self.port, self._file = port, file

    def address(self, status: int = 200, host: str = "localhost") -> str:
        """Where it answers with this status."""
        return f"http://{host}:{self.port}/{status}"

    @property
    def heard(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._file.read_text().splitlines()] if self._file.exists() else []


@pytest.fixture
def receiver(tmp_path: Path, settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_HOSTS, settings.WEBHOOK_NETWORKS = ["localhost", "127.0.0.1"], ["127.0.0.0/8", "::1/128"]
    file = tmp_path / "heard.jsonl"
    process = subprocess.Popen([sys.executable, "-c", RECEIVER, str(file)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Receiver(int(process.stdout.readline()), file)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def running(owner: User, base_model: BaseModel, dataset: DataSet) -> Run:
    run = scenes.make_run(name="chat-x", owner=owner, base_model=base_model, dataset=dataset, status=RunStatus.RUNNING)
    StatusChange.objects.all().delete()
    return run


def completes(run: Run) -> None:
    run.move_to(RunStatus.COMPLETED)
    run.save()


def genuine(message: dict[str, Any], secret: str) -> bool:
    """What a receiver does, as Standard Webhooks tells it."""
    headers = {key.lower(): value for key, value in message["headers"].items()}
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 300
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{message['body']}".encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(headers["webhook-signature"], f"v1,{expected}")


def test_a_status_change_arrives_signed_and_once(api: Call, receiver: Receiver, running: Run) -> None:
    made = api("POST", "webhooks", {"url": receiver.address(), "statuses": ["COMPLETED"]}).json()
    completes(running)
    assert delivering.deliver() == 1
    assert delivering.deliver() == 0
    (message,) = receiver.heard
    assert genuine(message, made["secret"])
    assert not genuine({**message, "body": message["body"].replace("COMPLETED", "FAILED")}, made["secret"])
    body = json.loads(message["body"])
    assert (body["type"], body["data"]["run"], body["data"]["status"]) == ("run.completed", "chat-x", "COMPLETED")
    (delivery,) = api("GET", f"webhooks/{made['id']}/deliveries").json()["data"]
    assert (delivery["state"], delivery["answer_status"], delivery["answer"]) == ("delivered", 200, "thanks")
    assert message["headers"]["webhook-id"] == delivery["id"]


def test_the_trigger_sees_whoever_changes_a_status(running: Run) -> None:
    running.details = "nothing new"
    running.save()
    assert not StatusChange.objects.exists()
    Run.objects.filter(pk=running.pk).update(
        status=RunStatus.FAILED, completed_at=timezone.now(), lease_token="", lease_heartbeat=None
    )
    assert [change.status for change in StatusChange.objects.all()] == ["FAILED"]


def test_what_is_not_taken_is_tried_again_later_and_later_and_given_up(api: Call, receiver: Receiver, running: Run) -> None:
    made = api("POST", "webhooks", {"url": receiver.address(500)}).json()
    completes(running)
    pauses = []
    for _ in range(len(delivering.PAUSES) + 1):
        before = timezone.now()
        assert delivering.deliver() == 1
        assert delivering.deliver() == 0  # not yet
        delivery = Delivery.objects.get()
        pauses.append(round((delivery.due_at - before).total_seconds()))
        Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert all(abs(waited - pause.total_seconds()) <= 5 for waited, pause in zip(pauses, delivering.PAUSES, strict=False))
    assert (delivery.state, delivery.attempts, len(receiver.heard)) == ("given_up", 7, 7)
    assert len({message["headers"]["webhook-id"] for message in receiver.heard}) == 1
    Webhook.objects.update(url=receiver.address(200))
    again = api("POST", f"webhooks/{made['id']}/deliveries/{delivery.pk}/retry")
    assert (again.status_code, delivering.deliver()) == (202, 1)
    assert Delivery.objects.get().state == "delivered"
    assert api("POST", f"webhooks/{made['id']}/deliveries/{delivery.pk}/retry").json()["code"] == "cannot_retry"


def test_a_redirect_is_not_followed_and_gone_means_gone(api: Call, receiver: Receiver, running: Run) -> None:
    api("POST", "webhooks", {"url": receiver.address(302)})
    gone = api("POST", "webhooks", {"url": receiver.address(410)}).json()
    completes(running)
    delivering.deliver()
    assert sorted(message["path"] for message in receiver.heard) == ["/302", "/410"]
    assert api("GET", f"webhooks/{gone['id']}").json()["active"] is False


def test_who_is_told_about_whose_runs(receiver: Receiver, running: Run, owner: User, colleague: User, stranger: User) -> None:
    wishes = [(colleague, False), (colleague, True), (stranger, False), (owner, True)]
    for number, (person, only_mine) in enumerate(wishes):
        webhooks.create(by=person, url=receiver.address() + f"?{number}", only_mine=only_mine)
    completes(running)
    delivering.fan_out()
    assert {delivery.webhook.url[-1] for delivery in Delivery.objects.all()} == {"0", "3"}


def test_a_claim_that_is_not_kept_is_free_again(receiver: Receiver, running: Run, owner: User) -> None:
    webhooks.create(by=owner, url=receiver.address())
    completes(running)
    delivering.fan_out()
    assert len(delivering._claim()) == 1  # and whoever claimed it dies
    assert delivering.deliver() == 0
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert delivering.deliver() == 1


def test_a_webhook_is_its_owners_from_first_to_last(api: Call, receiver: Receiver, colleague: User) -> None:
    made = api("POST", "webhooks", {"url": receiver.address()}, **{"Idempotency-Key": "w"}).json()
    assert api("POST", "webhooks", {"url": receiver.address()}, **{"Idempotency-Key": "w"}).json() == made
    path = f"webhooks/{made['id']}"
    assert "secret" not in api("GET", path).json()
    assert caller(colleague)("GET", path).status_code == 404
    assert api("PATCH", path, {"active": False}).json()["active"] is False
    assert api("PATCH", path, {"statuses": ["FAILED", "COMPLETED", "FAILED"]}).json()["statuses"] == ["COMPLETED", "FAILED"]
    assert api("PATCH", path, {"colour": "red"}).status_code == 400
    assert api("POST", f"{path}/test").status_code == 202
    assert delivering.deliver() == 1
    assert json.loads(receiver.heard[0]["body"])["type"] == "ping"
    assert [row["id"] for row in api("GET", "webhooks").json()["data"]] == [made["id"]]
    assert api("DELETE", path).status_code == 204
    assert api("GET", path).status_code == 404
    assert made["secret"] not in json.dumps([str(row) for row in Webhook.objects.values()])


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "http://127.0.0.1.example.org/", "http://evil@localhost/", "http://localhost:0/", "http:///x",
     "http://[::1/", "http://localhost:99999/"],
)  # fmt: skip
def test_an_address_that_may_not_be_called(receiver: Receiver, owner: User, url: str) -> None:
    with pytest.raises(Unfit):
        webhooks.create(by=owner, url=url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::10.0.0.1",
        "2002:a00:1::",
        "64:ff9b::a00:1",
        "64:ff9b:1::a9fe:a9fe",
    ],
)
def test_an_internal_address_behind_an_allowed_name(address: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOK_HOSTS = ["hooks.example.org"]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(family, socket.SOCK_STREAM, 6, "", (address, 80))])
    with pytest.raises(Unreachable, match="internal address"):
        outbound.post("http://hooks.example.org/", b"{}", {})


def test_public_addresses_are_called_and_named_networks_too(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOK_NETWORKS = ["10.1.0.0/16"]
    for address in ("93.184.216.34", "2606:4700::1111", "64:ff9b::5db8:d822", "10.1.2.3", "::ffff:10.1.2.3"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        found = [(family, socket.SOCK_STREAM, 6, "", (address, 80))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, found=found, **__: found)
        assert outbound.resolve("hooks.example.org", 80) == str(ipaddress.ip_address(address))


def test_one_internal_address_among_public_ones_is_enough(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(Unreachable, match=r"10\.0\.0\.1, an internal address"):
        outbound.resolve("hooks.example.org", 80)


def test_a_name_that_points_elsewhere_a_moment_later(
    receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is made to the address that was judged; the name is not asked for a second time."""
    settings.WEBHOOK_HOSTS, asked = ["hooks.example.org"], []
    real = socket.getaddrinfo

    def rebinding(host: str, *rest: Any, **more: Any) -> Any:
        if host != "hooks.example.org":
            return real(host, *rest, **more)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1" if len(asked) == 1 else "10.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    heard = outbound.post(f"http://hooks.example.org:{receiver.port}/200", b"{}", {"webhook-id": "x"})
    assert (heard.status, len(asked)) == (200, 1)
    assert receiver.heard[0]["headers"]["Host"] == f"hooks.example.org:{receiver.port}"


def test_nobody_there_is_written_down(owner: User, receiver: Receiver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        webhook, _ = webhooks.create(by=owner, url=f"http://localhost:{taken.getsockname()[1]}/")
    webhooks.ping(webhook=webhook, by=owner)
    delivering.deliver()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.answer_status) == ("waiting", None)
    assert "ConnectError" in delivery.answer
    with pytest.raises(httpx.HTTPError):
        httpx.get(webhook.url)


def test_the_console_shows_webhooks_and_their_log_and_no_secret(console: Client, owner: User, receiver: Receiver) -> None:
    webhook, secret = webhooks.create(by=owner, url=receiver.address(503))
    webhooks.ping(webhook=webhook, by=owner)
    delivering.deliver()
    pages = [console.get(f"/admin/runs/{path}") for path in ("webhook/", f"webhook/{webhook.pk}/change/", "delivery/")]
    assert [page.status_code for page in pages] == [200, 200, 200]
    assert "503" in pages[2].content.decode()
    assert not any(secret.encode() in page.content for page in pages)
