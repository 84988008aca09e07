"""Which files of a data set are which split: by its card, else by the hub's usual names. Never by code of the data set."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from runs.data.sources.refusal import SourceError

ENDINGS = (".parquet", ".jsonl", ".jsonl.gz", ".json", ".csv")  # the first that a split has is read
SHARD = re.compile(r"-\d{5}-of-(\d{5})(-[0-9a-f]{16})?$")
PLACES = ("", "data/")
ABOUT = ("dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json")  # about the data, not of them


def files_of(split: str, files: Iterable[Any], card: Any = None) -> list[str]:
    """The files of a split, in order and of one format. Raises SourceError that names the splits there are."""
    named = [file for file in files if isinstance(file, str) and file.rpartition("/")[2] not in ABOUT]
    data = sorted(file for file in named if _ending(file) and ".." not in file.split("/"))
    splits = _by_card(data, card) or _by_name(data)
    if split not in splits:
        there = ", ".join(f"“{name}”" for name in sorted(splits)[:20])
        raise SourceError(f"There is no split “{split}”. " + (f"There are: {there}." if there else "No data files were found."))
    ending = min((_ending(file) for file in splits[split]), key=ENDINGS.index)
    chosen = [file for file in splits[split] if _ending(file) == ending]
    shards = SHARD.search(chosen[0].removesuffix(ending))
    if shards and len(chosen) != int(shards[1]):
        raise SourceError(f"The split “{split}” should lie in {int(shards[1])} files, but there are {len(chosen)}.")
    return chosen


def _ending(file: str) -> str:
    return next((ending for ending in ENDINGS if file.lower().endswith(ending)), "")


def _by_name(files: list[str]) -> dict[str, list[str]]:
    """`train.jsonl`, `data/train-00000-of-00002.parquet`, `data/train/0.parquet`; a lone file of another name is train."""
    splits: dict[str, list[str]] = {}
    for file in files:
        place = next((place for place in reversed(PLACES) if file.startswith(place)), "")
        folder, _, name = file.removeprefix(place).rpartition("/")
        if "/" not in folder:
            stem = name[: -len(_ending(name))]
            splits.setdefault(folder or SHARD.sub("", stem), []).append(file)
    known = any(name.split("-")[0] in ("train", "test", "validation", "dev", "valid", "val", "eval") for name in splits)
    return splits if known or len(splits) != 1 else {**splits, "train": next(iter(splits.values()))}


def _by_card(files: list[str], card: Any) -> dict[str, list[str]]:
    """What the card's default configuration says: `configs: [{data_files: [{split, path}]}]`, paths with * in them."""
    configs = card.get("configs") if isinstance(card, dict) else None
    configs = [config for config in configs or [] if isinstance(config, dict)] if isinstance(configs, list) else []
    default = [config for config in configs if config.get("default") is True or config.get("config_name") == "default"]
    chosen = default[0] if default else configs[0] if len(configs) == 1 else {}
    listed = chosen.get("data_files")
    splits = {}
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and isinstance(split := entry.get("split"), str):
            paths = entry.get("path")
            patterns = [path for path in (paths if isinstance(paths, list) else [paths]) if isinstance(path, str)]
            splits[split] = [file for file in files if any(fnmatchcase(file, pattern) for pattern in patterns)]
    return {split: found for split, found in splits.items() if found}
