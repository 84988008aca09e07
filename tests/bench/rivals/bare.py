"""A bare PyTorch loop as a careful person writes it: rows packed into bins of 1,024 tokens under a block mask."""

import sys

import torch
from meter import Meter, read
from transformers import AutoModelForCausalLM

BIN = 1024


def pack(rows: list[dict[str, list[int]]]) -> list[list[dict[str, list[int]]]]:
    bins: list[list[dict[str, list[int]]]] = []
    for row in sorted(rows, key=lambda row: -len(row["input_ids"])):
        size = len(row["input_ids"])
        place = next((b for b in bins if sum(len(r["input_ids"]) for r in b) + size <= BIN), None)
        bins.append([row]) if place is None else place.append(row)
    return bins


def tensors(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    lengths = [len(row["input_ids"]) for row in rows]
    ids = torch.tensor([token for row in rows for token in row["input_ids"]])[None]
    labels = torch.tensor([label for row in rows for label in [-100, *row["labels"][1:]]])[None]
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    number = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor(lengths))
    mask = (number[:, None] == number[None, :]).tril()[None, None]
    return {"input_ids": ids, "labels": labels, "position_ids": positions, "attention_mask": mask}


def main(model_path: str, data: str, out: str, batch: int, steps: int, rate: float) -> None:
    meter, rows = Meter(out), read(data)
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32, attn_implementation="sdpa")
    model.config.use_cache = False
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    for step in range(steps):
        meter.begin()
        part = rows[step * batch : (step + 1) * batch]
        targets = sum(label != -100 for row in part for label in row["labels"][1:])
        loss = 0.0
        bins = pack(part)
        for inside in bins:
            given = tensors(inside)
            meter.batch(given["input_ids"].numel(), given["input_ids"].numel())
            found = model(**given, num_items_in_batch=targets).loss
            found.backward()
            loss += float(found.detach())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        meter.step(loss, len(bins))
    meter.write()


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))
