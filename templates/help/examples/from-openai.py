import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["FTUI_HOST"] + "/v1", api_key=os.environ["FTUI_TOKEN"])

file = client.files.create(file=open("helpdesk.jsonl", "rb"), purpose="fine-tune")
job = client.fine_tuning.jobs.create(
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    training_file=file.id,
    suffix="helpdesk",
    method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
)
print(job.id, client.fine_tuning.jobs.retrieve(job.id).status)
for event in client.fine_tuning.jobs.list_events(job.id):
    print(event.message)
