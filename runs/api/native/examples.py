"""What a call looks like: one example for each shape, in the OpenAPI document and on its page, held to its schema by a test."""

import json
from pathlib import Path
from typing import Any

_found = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
BODIES: dict[str, Any] = _found["bodies"]
ANSWERS: dict[str, Any] = _found["answers"]
