"""What goes with the weights: model card, licence, notice, tags. Loads no torch; versions come from the installed packages."""

import shutil
from importlib.metadata import version
from pathlib import Path

from runs.contract.folder import RunFolder
from runs.contract.spec import RunSpec
from runs.registry.card import card, forbidden, notice
from runs.registry.history import read_history
from runs.registry.protocol import RUN_TAG, Publication

ENGINE = ("torch", "transformers", "tokenizers", "safetensors")  # what a server of the model needs


def engine_versions() -> dict[str, str]:
    """Without local parts: torch 2.13.0+cpu is torch 2.13.0 to whoever installs it elsewhere."""
    return {name: version(name).partition("+")[0] for name in ENGINE}


def requirements() -> list[str]:
    """What a server of the model must install."""
    return [f"{name}=={number}" for name, number in {"mlflow": version("mlflow"), **engine_versions()}.items()]


def tags(publication: Publication, spec: RunSpec) -> dict[str, str]:
    return {
        RUN_TAG: publication.run_name,
        "base_model": spec.base_model.name,
        "task_type": spec.task_type.value,
        "licence": publication.licence.name,
        "licence_url": publication.licence.url,
        **_obligations(publication),
        "data": spec.train.name,
        "data_digest": spec.train.digest,
        **({"starts_from": spec.lineage[0]} if spec.lineage else {}),
        **({"lineage": " < ".join([*spec.lineage, spec.base_model.name])} if spec.lineage else {}),
        **engine_versions(),
    }


def _obligations(publication: Publication) -> dict[str, str]:
    """What the licence asks, as tags; a tag of MLflow holds 5,000 characters."""
    licence, last = publication.licence, forbidden(publication.name, publication.licence.name_prefix)
    known = {
        "licence_policy_url": licence.policy_url,
        "licence_attribution": licence.attribution,
        "licence_obligations": "\n".join(licence.obligations)[:5_000],
        "licence_name_prefix": licence.name_prefix,
        "licence_name_breaks": f"{last} does not begin with {licence.name_prefix}" if last else "",
    }
    return {key: value for key, value in known.items() if value}


def write(place: Path, publication: Publication, spec: RunSpec, folder: RunFolder) -> None:
    """Write README.md, LICENSE.txt, NOTICE.txt and run.json into `place`."""
    (place / "README.md").write_text(card(publication, spec, read_history(folder)), encoding="utf-8")
    text = notice(publication.licence, spec.base_model.name)
    (place / "NOTICE.txt").write_text(text, encoding="utf-8")
    # MLflow writes a LICENSE.txt that looks for the licence in the wrong place; this one takes its place.
    shipped = sorted(path for path in spec.base_model.path.glob("LICEN[SC]E*") if path.is_file())
    if shipped:
        shutil.copyfile(shipped[0], place / "LICENSE.txt")
    else:
        (place / "LICENSE.txt").write_text(publication.licence.text or text, encoding="utf-8")
    if folder.adapter.is_dir():
        shutil.copytree(folder.adapter, place / "adapter")
    public = spec.model_dump_json(
        indent=2,
        exclude={
            "base_model": {"path"},
            "train": {"path"},
            "evaluation": {"path"},
            "custom_weights_path": True,
            "device": True,
        },
    )
    (place / "run.json").write_text(public, encoding="utf-8")
