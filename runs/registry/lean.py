"""Import this before mlflow and transformers: what they find installed they import, and registering a model uses none of it.

Measured in CPU seconds, of 9.9 in all: peft, which brings bitsandbytes and torch's compiler, 2.0; scipy, scikit-learn and
accelerate 0.8; torch.distributed 1.1. For a process that ends with the registration.
"""

import sys

import torch

UNUSED = ("peft", "bitsandbytes", "accelerate", "scipy", "sklearn", "torchvision")

for name in UNUSED:
    sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # as if it were not installed
torch.distributed.is_available = lambda: False  # one process needs nothing of it
