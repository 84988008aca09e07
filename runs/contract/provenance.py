"""What a run was made of and by, so that it can be told whether it goes on, or is run again, from the same. Loads no torch."""

from importlib.metadata import PackageNotFoundError, version

from pydantic import Field

from runs.contract.inputs import Strict

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "peft", "bitsandbytes")  # that can change a number

Digests = dict[str, str]


class Provenance(Strict):
    """Noted in the specification by the engine at a run's first start; compared by every later one."""

    base_model: Digests = Field(description="sha256 of each file of the base model that was read, as sha256:<hex>, by its name")
    custom_weights: Digests = Field(default={}, description="The same of the weights it started from instead")
    versions: dict[str, str] = Field(description="Of the packages that calculate; the part after + tells builds apart")
    processor: str = Field(description="Model of the GPU or CPU. Another one may round otherwise")


def versions() -> dict[str, str]:
    """Of what is installed here."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # a web server need not have them all
            continue
    return found
