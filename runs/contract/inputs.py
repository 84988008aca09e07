"""What a run is given: a base model, files of rows, a device. Each as it lies there, nothing is looked up later."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelSource(Strict):
    """A base model on disk: a folder of config.json, tokenizer.json and *.safetensors."""

    name: str
    path: Path
    max_context_length: int
    licence: str = ""


class DataFile(Strict):
    """A file of canonical rows, one JSON object a line: `messages`, or `prompt` and `response`, or `text`."""

    path: Path
    digest: str = Field(description="sha256 of the file's bytes, as sha256:<hex>")
    rows: int
    name: str = ""
    source: str = Field(default="", description="Where the bytes came from")
    source_version: str = Field(default="", description="Version of a table or of a hub's split; empty where there is none")
    mapping: str = Field(default="", description="Foreign shape from which the rows were converted; empty when they were not")
    derivation: dict[str, JsonValue] = Field(default={}, description="The remedy that made the rows from others, if one did")


class Device(Strict):
    """Where the engine runs. `indices` are CUDA device numbers; empty on CPU."""

    kind: Literal["cpu", "cuda"] = "cpu"
    indices: tuple[int, ...] = ()
    threads: int | None = Field(default=None, description="CPU threads; None leaves the choice to torch")
