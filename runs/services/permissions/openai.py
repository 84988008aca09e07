"""The addresses of OpenAI's dialect, below v1/."""

OPENAI: dict[str, dict[str, str]] = {
    "files": {"GET": "dataset.list", "POST": "dataset.create"},
    "files/<str:key>": {"GET": "dataset.see", "DELETE": "dataset.delete"},
    "files/<str:key>/content": {"GET": "dataset.see"},
    "fine_tuning/jobs": {"GET": "run.list", "POST": "run.create"},
    "fine_tuning/jobs/<str:key>": {"GET": "run.see"},
    "fine_tuning/jobs/<str:key>/cancel": {"POST": "run.cancel"},
    "fine_tuning/jobs/<str:key>/pause": {"POST": "run.pause"},
    "fine_tuning/jobs/<str:key>/resume": {"POST": "run.pause"},
    "fine_tuning/jobs/<str:key>/events": {"GET": "run.see"},
    "fine_tuning/jobs/<str:key>/checkpoints": {"GET": "run.see"},
    "models": {"GET": "registered.see"},
    "models/<path:key>": {"GET": "registered.see", "DELETE": "registered.delete"},
}
