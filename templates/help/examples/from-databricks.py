# before: from databricks.model_training import foundation_model as fm
from finetuning_ui.client import foundation_model as fm

run = fm.create(
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    train_data_path="dbfs:/Volumes/main/default/training/helpdesk.jsonl",
    register_to="main.default",
    task_type="CHAT_COMPLETION",
    training_duration="2ep",
    learning_rate="5e-5",
)
print(run.name, run.status)

for event in fm.get_events(run):
    print(event.type, event.message)

print([one.name for one in fm.list(statuses=["PENDING", "QUEUED", "RUNNING", "COMPLETED"], limit=10)])
