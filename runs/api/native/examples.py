"""What a call looks like: one example for each shape, in the OpenAPI document and on its page, held to its schema by a test."""

from typing import Any

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
RUN = "chat-smollm2-135m-instruct-8mvusf"
REGISTERED = {
    "name": "main.default.helpdesk",
    "version": 1,
    "uri": "models:/main.default.helpdesk/1",
    "run": RUN,
    "base_model": MODEL,
    "created_at": "2026-09-01T08:12:40Z",
}
ASKED: dict[str, Any] = {
    "model": MODEL,
    "train_data_path": "helpdesk",
    "register_to": "main.default.helpdesk",
    "training_duration": "2ep",
    "learning_rate": 0.0001,
    "eval_prompts": ["The printer on floor 3 shows error 49."],
}
TOKEN = {
    "id": 7,
    "name": "nightly training",
    "hint": "ftui_Zk3q",
    "created_at": "2026-09-01T07:00:00Z",
    "expires_at": "2026-12-01T00:00:00Z",
    "revoked_at": None,
    "last_used_at": None,
}

BODIES: dict[str, Any] = {
    "RunRequest": ASKED,
    "CancelBody": {"reason": "The loss has stopped falling."},
    "TokenBody": {"name": "nightly training", "expires_at": None},
}
ANSWERS: dict[str, Any] = {
    "RunShape": {
        "name": RUN, "status": "RUNNING", "phase": "training", "details": "Training.", "fault": "", "advice": "",
        "owner": "ada", "visibility": "team", "model": MODEL, "task_type": "CHAT_COMPLETION", "dataset": "helpdesk",
        "eval_dataset": None, "register_to": "main.default.helpdesk", "request": ASKED, "queue_position": None,
        "progress": {"doing": "", "done": 0, "total": 0, "unit": ""}, "step": 38, "total_steps": 60, "steps_per_epoch": 30,
        "share_done": 0.633, "tokens": 18_240, "total_tokens": 28_800, "tokens_per_second": 163.2, "last_loss": 0.412,
        "created_at": "2026-09-01T08:07:02Z", "started_at": "2026-09-01T08:07:20Z", "completed_at": None,
        "estimated_end_at": "2026-09-01T08:12:31Z", "experiment_path": f"/Users/ada@example.org/{RUN}",
        "mlflow_run_id": "5f1c0f3c7f9b4f6e8a1d2b3c4d5e6f70", "registered_model": None,
    },
    "EventShape": {
        "type": "TRAIN_UPDATED", "time": "2026-09-01T08:10:11Z",
        "message": "[epoch=2/2][batch=8/30][ETA=2min] Train loss: 0.412",
    },
    "PointShape": {
        "step": 38, "epoch": 1.267, "tokens": 18_240, "time": "2026-09-01T08:10:11Z",
        "values": {"loss": 0.412, "learning_rate": 3.7e-05, "gradient_norm": 0.81, "tokens_per_second": 163.2},
    },
    "SampleShape": {"step": 30, "index": 0, "prompt": ASKED["eval_prompts"][0], "answer": '{"queue": "hardware"}'},
    "CheckpointShape": {
        "name": "ep1-ba30", "step": 30, "epoch": 1.0, "bytes": 1_614_000_000, "digest": "sha256:5f1c0f3c", "deleted_at": None,
        "time": "2026-09-01T08:09:40Z",
    },
    "DataSetShape": {
        "name": "helpdesk", "owner": "ada", "visibility": "team", "task_type": "CHAT_COMPLETION", "source": "helpdesk.jsonl",
        "digest": "sha256:9b1e6f0a", "rows": 240, "bytes": 81_204, "report": {"ok": True, "rows": 240},
        "created_at": "2026-09-01T08:01:00Z",
    },
    "VersionShape": REGISTERED,
    "TokenShape": TOKEN,
    "NewTokenShape": {**TOKEN, "token": "ftui_Zk3q…"},
    "PersonShape": {
        "username": "ada", "email": "ada@example.org", "role": "scientist", "team": "research", "may_train": True,
        "is_admin": False,
    },
    "EstimateShape": {
        "memory_bytes": 2_400_000_000, "memory_available": 24_000_000_000, "disk_bytes": 1_100_000_000,
        "disk_available": 80_000_000_000, "tokens": 28_800, "steps": 60, "seconds": 190.0, "fits": True,
        "explanation": "2.4 of 24 GB memory.",
    },
    "ProblemDocument": {
        "type": "/api/v1/docs#invalid", "title": "Bad Request", "status": 400, "code": "invalid",
        "detail": "This must be more than 0.", "field": "learning_rate",
        "problems": [{"field": "learning_rate", "code": "invalid", "message": "This must be more than 0."}],
    },
}  # fmt: skip
