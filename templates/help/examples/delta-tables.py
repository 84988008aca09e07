import os

import pyarrow
from deltalake import write_deltalake

from finetuning_ui.client import foundation_model as fm

rows = [
    {"messages": [{"role": "user", "content": f"What is {n} plus {n}?"}, {"role": "assistant", "content": str(2 * n)}]}
    for n in range(100)
]
write_deltalake(os.environ["TABLES_ROOT"] + "/main/default/sums", pyarrow.Table.from_pylist(rows))

run = fm.create(
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    train_data_path="main.default.sums@v0",
    register_to="main.default",
)
print(run.name, run.submitted_config["train_data_path"])
