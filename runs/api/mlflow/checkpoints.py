"""Checkpoints of our runs among the artifacts of their MLflow runs, as <run>/checkpoints/<checkpoint>/<file>.

They stay in the run's folder: an MLflow server is no place for copies of optimizer states. The original's client looks for a
`.distcp` file in a checkpoint before it accepts it as weights to start from; an empty one stands in each.
"""

from pathlib import Path
from typing import Any

from runs import wiring
from runs.api.mlflow.call import Call
from runs.models import Run

MARK = "weights.distcp"


def folder_of(call: Call, key: str, path: str) -> tuple[Run, Path] | None:
    """The file or folder in our run's checkpoints that `path` names, or None when it names something else."""
    parts = path.strip("/").split("/")
    run = Run.objects.alive().visible_to(call.user).filter(mlflow_run_id=key, name=parts[0]).first()
    if run is None or parts[1:2] not in ([], ["checkpoints"]) or any(part.startswith(".") for part in parts):
        return None
    folder = wiring.run_folder(run.name)
    return run, folder.path.joinpath(*parts[1:]) if len(parts) > 1 else folder.path


def listed(call: Call, key: str, path: str) -> dict[str, Any] | None:
    """MLflow's answer to a listing there, or None when it is MLflow's own."""
    there = folder_of(call, key, path)
    if there is None:
        return None
    run, folder = there
    if path.strip("/") == run.name:
        files = [{"path": f"{run.name}/checkpoints", "is_dir": True}]
    elif not folder.is_dir():
        files = []
    else:
        files = [_info(path, entry) for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
        if (folder / "state.json").is_file():
            files.append({"path": f"{path.strip('/')}/{MARK}", "is_dir": False, "file_size": 0})
    return {"root_uri": f"dbfs:/databricks/mlflow-tracking/{run.mlflow_experiment_id}/{key}/artifacts", "files": files}


def at_root(call: Call, key: str) -> list[dict[str, Any]]:
    """What stands beside MLflow's own files at the root: the folder named after our run, if it has kept anything."""
    run = Run.objects.alive().visible_to(call.user).filter(mlflow_run_id=key).first() if key else None
    there = run is not None and any(wiring.run_folder(run.name).checkpoints.glob("[!.]*"))
    return [{"path": run.name, "is_dir": True}] if run is not None and there else []


def _info(path: str, entry: Path) -> dict[str, Any]:
    shown: dict[str, Any] = {"path": f"{path.strip('/')}/{entry.name}", "is_dir": entry.is_dir()}
    return shown if entry.is_dir() else {**shown, "file_size": entry.stat().st_size}
