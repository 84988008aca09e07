"""TRL's SFTTrainer: packed (its "bfd" strategy) into sequences of 1,024 tokens, or with PADDED=1 padded, as it comes."""

import os
import sys
from tempfile import mkdtemp
from typing import Any

import torch
from datasets import Dataset
from meter import Meter, read
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

SEQUENCE = 1024


class Steps(TrainerCallback):
    def __init__(self, meter: Meter, batches: int) -> None:
        self.meter, self.batches = meter, batches

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.meter.begin()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.meter.step(None, self.batches)

    def on_log(self, _args: Any, _state: Any, _control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.meter.losses.append(logs["loss"])


def main(model_path: str, data: str, out: str, batch: int, steps: int, rate: float) -> None:
    meter, rows = Meter(out), read(data)
    packing = not os.environ.get("PADDED")
    mean = sum(len(row["input_ids"]) for row in rows) / len(rows)
    sequences = max(1, round(batch * mean / SEQUENCE)) if packing else batch  # a step sees as many tokens as the others'
    per_step = min(sequences, 8) if not packing else 1
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32, attn_implementation="sdpa")
    arguments = SFTConfig(
        mkdtemp(), per_device_train_batch_size=per_step, gradient_accumulation_steps=max(1, sequences // per_step),
        max_steps=steps, learning_rate=rate, adam_beta2=0.95, weight_decay=0.0, lr_scheduler_type="constant", logging_steps=1,
        save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True, bf16=False, packing=packing, max_length=SEQUENCE,
        completion_only_loss=True, gradient_checkpointing=False, seed=17,
    )  # fmt: skip
    dataset = Dataset.from_list(
        [{"input_ids": row["input_ids"], "completion_mask": [int(label != -100) for label in row["labels"]]} for row in rows]
    )
    trainer = SFTTrainer(
        model, args=arguments, train_dataset=dataset, processing_class=AutoTokenizer.from_pretrained(model_path),
        callbacks=[Steps(meter, arguments.gradient_accumulation_steps)],
    )  # fmt: skip
    collate: Any = trainer.data_collator

    def counted(given: list[dict[str, Any]]) -> Any:
        made = collate(given)
        useful = sum(len(row["input_ids"]) for row in given)
        meter.batch(useful, made["input_ids"].numel())
        return made

    trainer.data_collator = counted
    trainer.train()
    meter.write()


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))
