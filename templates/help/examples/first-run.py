from finetuning_ui.client import foundation_model as fm

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"

data = fm.upload("helpdesk.jsonl")
print(data.name, data.rows, "rows")

print(fm.estimate(MODEL, data.name).explanation)

run = fm.create(
    model=MODEL,
    train_data_path=data.name,
    register_to="main.default",
    training_duration="2ep",
    eval_prompts=["The printer on floor 3 shows error 49."],
)
run = fm.wait(run)
print(run.status, run.registered_model)

print(fm.metrics(run))
for answer in fm.samples(run):
    print(answer.step, answer.answer)
