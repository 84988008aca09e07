from finetuning_ui.client import foundation_model as fm

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"

texts = fm.upload("handbook.txt", task_type="CONTINUED_PRETRAIN")
first = fm.create(
    model=MODEL,
    train_data_path=texts.name,
    register_to="main.default",
    task_type="CONTINUED_PRETRAIN",
    training_duration="1ep",
    learning_rate=2e-5,
)
first = fm.wait(first)

questions = fm.upload("questions.jsonl", task_type="INSTRUCTION_FINETUNE")
second = fm.create(
    model=MODEL,
    train_data_path=questions.name,
    register_to="main.default",
    task_type="INSTRUCTION_FINETUNE",
    training_duration="3ep",
    custom_weights_path=first.name,
)
second = fm.wait(second)
print(second.status, second.registered_model)
