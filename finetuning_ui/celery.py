"""The Celery application: short tasks, JSON only, no results. It knows the names of the periodic tasks, not what they do."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "finetuning_ui.settings")

app = Celery("finetuning_ui")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a worker waits for its broker for as long as it takes
    # A request that publishes must not hang while the broker is down: the database keeps the work, `reap` sends it again.
    broker_transport_options={"socket_connect_timeout": 1, "socket_timeout": 5, "max_retries": 1, "interval_start": 0.1},
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1, "interval_step": 0.1, "interval_max": 0.2},
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="finetuning",
    timezone=settings.TIME_ZONE,
    worker_hijack_root_logger=False,
    beat_scheduler="celery.beat:Scheduler",  # in memory: the other keeps a file of pickles, and all our intervals are short
    beat_schedule={
        "reap": {"task": "runs.tasks.reap", "schedule": 5.0, "options": {"expires": 5}},
        "mirror": {"task": "runs.tasks.mirror", "schedule": 10.0, "options": {"expires": 10}},
        "seal": {"task": "runs.tasks.seal", "schedule": 60.0, "options": {"expires": 60}},
        "deliver": {"task": "runs.tasks.deliver", "schedule": 5.0, "options": {"expires": 5}},
        "forget": {"task": "runs.tasks.forget", "schedule": 3600.0, "options": {"expires": 3600}},
        "retire": {"task": "runs.tasks.retire", "schedule": 60.0, "options": {"expires": 60}},
        "post": {"task": "runs.tasks.post", "schedule": 60.0, "options": {"expires": 60}},
        "weigh": {"task": "runs.tasks.weigh", "schedule": 15.0, "options": {"expires": 15}},
        "sweep": {"task": "runs.tasks.sweep", "schedule": 60.0, "options": {"expires": 60}},
    },
)
app.autodiscover_tasks()
