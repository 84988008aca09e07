"""transformers' Trainer with its own flattening collator: packed rows, of which position ids tell where each begins."""

import sys
from tempfile import mkdtemp
from typing import Any

import torch
from meter import Meter, read
from transformers import AutoModelForCausalLM, DataCollatorWithFlattening, Trainer, TrainerCallback, TrainingArguments


class Steps(TrainerCallback):
    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.meter.begin()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.meter.step(None, 1)

    def on_log(self, _args: Any, _state: Any, _control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.meter.losses.append(logs["loss"])


def main(model_path: str, data: str, out: str, batch: int, steps: int, rate: float) -> None:
    meter, collate = Meter(out), DataCollatorWithFlattening()

    def counted(rows: list[dict[str, Any]]) -> Any:
        size = sum(len(row["input_ids"]) for row in rows)
        meter.batch(size, size)
        return collate(rows)

    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32, attn_implementation="sdpa")
    arguments = TrainingArguments(
        mkdtemp(), per_device_train_batch_size=batch, max_steps=steps, learning_rate=rate, adam_beta2=0.95, weight_decay=0.0,
        lr_scheduler_type="constant", logging_steps=1, save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
        remove_unused_columns=False, seed=17,
    )  # fmt: skip
    rows: Any = read(data)
    Trainer(model, arguments, data_collator=counted, train_dataset=rows, callbacks=[Steps(meter)]).train()
    meter.write()


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))
