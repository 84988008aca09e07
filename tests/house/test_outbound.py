"""Who opens connections: one module to addresses that users give, the others to what the operator's settings name."""

import re

from finetuning_ui.env import PROJECT
from tests.house.test_rules import product

OPENING = re.compile(
    r"httpx\.(Client|AsyncClient|get|post|stream|request)\(|\burlopen\(|http\.client|import requests|create_connection\("
)
CALLERS = {
    "runs/services/outbound.py": "webhooks: the one kind of address that users give; judged there",
    "runs/data/sources/hub.py": "HF_ENDPOINT, and on to HF_CDN",
    "runs/catalog/hub.py": "HF_ENDPOINT",
    "runs/registry/rest.py": "MLFLOW_TRACKING_URI",
    "runs/registry/mlflow.py": "MLFLOW_TRACKING_URI",
    "finetuning_ui/diagnosis.py": "MLFLOW_TRACKING_URI",
    "finetuning_ui/stack/programs.py": "this machine's own services",
    "finetuning_ui/client/rest.py": "the client, on its user's machine",
}


def test_only_these_call_elsewhere() -> None:
    """A new one goes through `runs.services.outbound` when a user names the address, and gets a line here otherwise."""
    found = {str(path.relative_to(PROJECT)) for path in product() if OPENING.search(path.read_text(encoding="utf-8"))}
    assert found - CALLERS.keys() == set()
    assert CALLERS.keys() - found == set(), "these no longer do"


def test_nobody_lets_a_library_follow_redirects() -> None:
    following = re.compile(r"follow_redirects\s*=\s*True")
    assert not [path for path in product() if following.search(path.read_text(encoding="utf-8"))]
