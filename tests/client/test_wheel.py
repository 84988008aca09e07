"""The client as a wheel of its own, in a virtual environment that has httpx and nothing of the server."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from finetuning_ui.env import PROJECT
from runs.models import BaseModel

pytestmark = pytest.mark.django_db(transaction=True)


def requirements(name: str) -> set[str]:
    """A distribution and everything that it needs, extras left out."""
    found = {name}
    for line in importlib.metadata.requires(name) or []:
        if "extra ==" not in line and (other := re.match(r"[A-Za-z0-9._-]+", line)):
            try:
                found |= requirements(other[0])
            except importlib.metadata.PackageNotFoundError:
                continue  # for another version of Python
    return found


def give(site: Path, name: str) -> None:
    """Copy a distribution that is installed here into another environment."""
    for file in importlib.metadata.files(name) or []:
        if ".." not in file.parts and "__pycache__" not in file.parts:
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file.locate()), target)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its bin folder."""
    folder = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(PROJECT / "client", folder / "client")
    shutil.copytree(
        PROJECT / "finetuning_ui" / "client", folder / "finetuning_ui" / "client", ignore=shutil.ignore_patterns("__*__")
    )
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(folder / "client")], check=True)
    (wheel,) = folder.glob("finetuning_ui_client-*.whl")
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    subprocess.run([*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)], check=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    for name in requirements("httpx"):
        give(site, name)
    return python.parent


def call(elsewhere: Path, program: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    plain = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "DJANGO_SETTINGS_MODULE")}
    command = [str(elsewhere / program), *arguments]
    return subprocess.run(command, cwd=elsewhere, env=plain | environ, capture_output=True, text=True, check=False)


def test_it_needs_httpx_alone(elsewhere: Path) -> None:
    loads = "import sys, finetuning_ui.client as c, finetuning_ui.client.foundation_model as fm, finetuning_ui.client.cli; "
    made = call(
        elsewhere, "python", "-c", loads + "print(sorted(sys.modules), [getattr(fm, n) for n in fm.__all__], c.__file__)"
    )
    assert made.returncode == 0, made.stderr
    assert str(elsewhere.parent) in made.stdout
    for heavy in ("'django'", "'torch'", "'pydantic'", "'runs'", "'pandas'"):
        assert heavy not in made.stdout


def test_ftui_helps_and_speaks_to_a_server(elsewhere: Path, server: str, token: str, base_model: BaseModel) -> None:
    assert "create" in call(elsewhere, "ftui", "--help").stdout
    assert call(elsewhere, "ftui", "models", FTUI_HOST="").returncode == 2  # nobody said where the server is
    made = call(elsewhere, "ftui", "models", FTUI_HOST=server, FTUI_TOKEN=token)
    assert (made.returncode, base_model.name in made.stdout) == (0, True), made.stderr
    script = "from finetuning_ui.client import foundation_model as fm; print(fm.get_models()[0].name, len(fm.list()))"
    made = call(elsewhere, "python", "-c", script, FTUI_HOST=server, FTUI_TOKEN=token)
    assert made.stdout.split() == [base_model.name, "0"], made.stderr
