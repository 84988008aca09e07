"""Whether a run is made of what its specification says: the files of its model and data, and the versions that calculate.

Weights are read a second time for it, beside tokenizing and loading, so that it costs a run no time of its own.
"""

import json
import platform
from collections.abc import Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Thread

import torch

from runs.contract.events import EventType, Fault, Milestone
from runs.contract.folder import ADAPTER_BASE, RunFolder
from runs.contract.inputs import DataFile, Device
from runs.contract.provenance import Digests, Provenance, versions
from runs.contract.spec import RunSpec
from runs.engine.failure import ANEW, Failure
from runs.engine.models import TOKENIZER_FILES, device_of
from runs.engine.reporting import Reporter, now
from runs.engine.whole import sha256
from runs.engine.wishes import Wishes

READ = (
    "config.json",
    "generation_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "adapter_*.json",
    *TOKENIZER_FILES,
)
UNREAD = {"optimizer.safetensors"}  # lies in a checkpoint that a run starts from


class Inquiry:
    """Looks it up in a thread, for which nobody waits when the engine has to leave."""

    def __init__(self, spec: RunSpec) -> None:
        self._found: Future[Provenance] = Future()
        Thread(target=self._look, args=(spec,), name="provenance", daemon=True).start()

    def _look(self, spec: RunSpec) -> None:
        try:
            self._found.set_result(_provenance(spec))
        except BaseException as error:
            self._found.set_exception(error)

    def settle(self, folder: RunFolder, spec: RunSpec, reporter: Reporter, wishes: Wishes, *, begins: bool) -> RunSpec:
        """The specification with what was found, which is noted in the folder, or compared with what the run began with.

        A run that has begun without noting it keeps silent about it. Raises Failure(MODEL).
        """
        while not self._found.done():  # of large weights
            wishes.check()
            wait([self._found], timeout=0.1)
        began, found = spec.provenance, self._found.result()
        if began is None:
            if begins:
                spec = spec.model_copy(update={"provenance": found})
                folder.write_spec(spec)
            return spec
        check_model(began, found)
        if changed := "; ".join(differences(began, found)):
            message = f"The run began with {changed}: from here on numbers may differ in their last digits."
            reporter.say(Milestone(time=now(), type=EventType.ADVICE, message=message))
        return spec


def _provenance(spec: RunSpec) -> Provenance:
    base, custom = spec.base_model.path, spec.custom_weights_path
    return Provenance(
        base_model=_digests(base),
        custom_weights=_digests(custom, but=base) if custom else {},
        versions=versions(),
        processor=_processor(spec.device),
    )


def _digests(folder: Path, but: Path | None = None) -> Digests:
    """Of an adapter, also what it lies over, as base/<name>, unless that is `but`."""
    paths = {path for pattern in READ for path in folder.glob(pattern) if path.name not in UNREAD}
    found = {path.name: f"sha256:{sha256(path)}" for path in sorted(paths)}
    if (note := folder / ADAPTER_BASE).is_file():
        below = json.loads(note.read_bytes()).get("path")
        if below and Path(below) != but:
            found |= {f"base/{name}": digest for name, digest in _digests(Path(below), but).items()}
    return found


def _processor(device: Device) -> str:
    if device.kind == "cuda":
        return torch.cuda.get_device_name(device_of(device))
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def check_data(data: DataFile) -> None:
    """Raise Failure(DATA) when the rows are no longer those that were checked. A file that is gone is for its reader to say."""
    if data.path.exists() and f"sha256:{sha256(data.path)}" != data.digest:
        name = data.name or data.path.name
        message = f"The file of “{name}” has changed since the run was set up: {data.path} no longer has its digest."
        raise Failure(Fault.DATA, message, "Upload the data set again and start a new run.")


def check_model(began: Provenance, now: Provenance) -> None:
    """Raise Failure(MODEL) when files are not those that the run began with.

    A run that goes on has its own weights, so that those it started from may be gone meanwhile.
    """
    there = {name: digest for name, digest in began.custom_weights.items() if name in now.custom_weights}
    for what, before, after in (
        ("base model", began.base_model, now.base_model),
        ("weights that the run started from", there, now.custom_weights),
    ):
        if changed := sorted(name for name in before if before[name] != after.get(name)):
            others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise Failure(Fault.MODEL, f"The {what} changed since the run began: {changed[0]}{others}.", ANEW)


def differences(began: Provenance, now: Provenance) -> Iterator[str]:
    """What may round otherwise than before, each as “torch 2.12.0, now 2.13.0”."""
    for name in began.versions | now.versions:
        before, after = began.versions.get(name, "missing"), now.versions.get(name, "missing")
        if before != after:
            yield f"{name} {before}, now {after}"
    if began.processor != now.processor:
        yield f"{began.processor}, now {now.processor}"
