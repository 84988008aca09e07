"""The three task types in words, with rows as examples. The rules themselves are in runs.data."""

from dataclasses import dataclass

from runs.contract.spec import TaskType


@dataclass(frozen=True, slots=True)
class Task:
    value: str
    title: str
    line: str
    trained: str
    example: str
    rules: tuple[str, ...]


TASKS = {
    task.value: task
    for task in (
        Task(
            TaskType.CHAT_COMPLETION.value,
            "Chat completion",
            "Conversations, formatted with the model's own chat template. Recommended.",
            "The loss counts the assistant's turns, and nothing else.",
            '{"messages": [{"role": "system", "content": "Answer briefly."},\n'
            '              {"role": "user", "content": "My invoice is wrong."},\n'
            '              {"role": "assistant", "content": "Which line of it?"}]}',
            (
                "One JSON object a line, with the single key “messages”.",
                "Roles are system, user and assistant. A system message comes first, if there is one.",
                "User and assistant take turns, and the last turn is the assistant's.",
            ),
        ),
        Task(
            TaskType.INSTRUCTION_FINETUNE.value,
            "Instruction",
            "A prompt and a response, used exactly as written: no template is applied.",
            "The loss counts the response, and nothing else.",
            '{"prompt": "Sentiment of: great film\\n", "response": "positive"}',
            (
                "One JSON object a line, with the keys “prompt” and “response” (or “completion”), both text.",
                "Write the line breaks and markers that you want the model to see: nothing is added.",
            ),
        ),
        Task(
            TaskType.CONTINUED_PRETRAIN.value,
            "Continued pretraining",
            "Raw text, joined and cut to the context length, to teach a language or a domain.",
            "The loss counts every token.",
            "Any UTF-8 text: books, notes, manuals.",
            (
                "A .txt file, or .jsonl with the single key “text”.",
                "UTF-8. The texts are joined and cut into pieces of exactly the context length.",
            ),
        ),
    )
}
