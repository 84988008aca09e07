import json

from finetuning_ui.client import foundation_model as fm

ASK = "List the drugs in the sentence as a JSON array, in the order in which they occur."


def row(sentence, drugs):
    return {
        "messages": [
            {"role": "system", "content": ASK},
            {"role": "user", "content": sentence},
            {"role": "assistant", "content": json.dumps(drugs)},
        ]
    }


with open("sentences.jsonl") as source, open("drugs.jsonl", "w") as rows:
    for line in source:
        labelled = json.loads(line)
        rows.write(json.dumps(row(labelled["sentence"], labelled["drugs"])) + "\n")

report = fm.check("drugs.jsonl")
print(report.sentence)

data = fm.upload("drugs.jsonl")
run = fm.create(
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    train_data_path=data.name,
    register_to="main.default",
    training_duration="4ep",
    learning_rate=1e-4,
    eval_prompts=[f"{ASK}\n\nShe was given metformin and, later, insulin."],
)
run = fm.wait(run)
for answer in fm.samples(run):
    print("step", answer.step, answer.answer)
