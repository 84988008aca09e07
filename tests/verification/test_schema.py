"""schemathesis over the whole OpenAPI document, against a live server: every operation, whatever a machine thinks of.

A few inputs for each operation here, the same ones each time, and again for an admin where admins alone are let in; `make fuzz`
gives more than 5,000 to both, and sends every operation what its schema allows and forbids, one thing at a time.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from finetuning_ui.env import PROJECT
from runs.models import ApiToken, ModelVersion, Role, RunStatus, User
from runs.models.token import token_hash
from runs.services import access
from tests import scenes
from tests.app.conftest import PASSWORD
from tests.client.conftest import dataset, owner, research  # noqa: F401  fixtures
from tests.offer import tiny_offer
from tests.serving import Web

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "ftui_fuzz-" + "x" * 32
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "3")
PHASES = os.environ.get("FUZZ_PHASES", "fuzzing,stateful")
FOR_ADMINS = [] if "FUZZ_EXAMPLES" in os.environ else ["--include-path-regex", "/(base-model|audit|acceptances)"]


@pytest.fixture(params=[pytest.param([], id="scientist"), pytest.param(FOR_ADMINS, id="admin")])
def script(request: pytest.FixtureRequest, owner: User, dataset: object) -> tuple[str, list[str]]:  # noqa: F811
    """A token of somebody who has runs in several states, and what of the document they try.

    The token's number is one that no machine guesses and revokes.
    """
    if "admin" in request.node.callspec.id:
        owner.role = Role.ADMIN
        owner.save()
    model = tiny_offer()
    access.accept_licence(licence=model.licence, by=owner)
    for status in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.PENDING):
        name = f"chat-{status.lower()}"
        run = scenes.make_run(name=name, owner=owner, base_model=model, dataset=dataset, status=status)  # type: ignore[arg-type]
        if status == RunStatus.COMPLETED:
            scenes.train_points(run, range(1, 9), of=8)
            scenes.evaluate(run, 4, 0.5)
            ModelVersion.objects.create(run=run, name="main.default.tiny", version=1, uri="models:/main.default.tiny/1")
    ApiToken.objects.create(pk=876_543_210_987, user=owner, name="fuzz", hash=token_hash(TOKEN), hint=TOKEN[:9])
    User.objects.create_user("somebody", "", PASSWORD)
    return TOKEN, request.param


def test_schemathesis_finds_nothing(web: Web, script: tuple[str, list[str]], tmp_path: Path) -> None:
    token, some = script
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(PROJECT / "schemathesis.toml"), "run"]
    command += [str(PROJECT / "docs" / "openapi.json")]
    command += ["--url", web.url, "--header", f"Authorization: Bearer {token}", "--seed", "2026", "--no-color"]
    command += ["--max-examples", EXAMPLES, "--phases", PHASES, "--continue-on-failure", "--suppress-health-check", "all"]
    command += ["--generation-database", "none", *some]
    report = tmp_path / "report.txt"  # to be followed: the whole document takes a while
    with report.open("w") as out:
        made = subprocess.run(command, cwd=tmp_path, stdout=out, stderr=subprocess.STDOUT, check=False)
    told = report.read_text()
    assert made.returncode == 0, told[-20_000:]
    assert re.search(r"(\d[\d,]*) generated", told), told
    sys.stdout.write(told)
