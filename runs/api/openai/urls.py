"""Addresses below `/v1`, without trailing slashes."""

from django.urls import path

from runs.api.openai import files, jobs, models
from runs.api.openai.door import nowhere

JOB = "fine_tuning/jobs/<str:key>"

urlpatterns = [
    path("files", files.collection),
    path("files/<str:key>", files.item),
    path("files/<str:key>/content", files.bytes_of),
    path("fine_tuning/jobs", jobs.collection),
    path(JOB, jobs.item),
    path(f"{JOB}/cancel", jobs.canceled),
    path(f"{JOB}/pause", jobs.paused),
    path(f"{JOB}/resume", jobs.resumed),
    path(f"{JOB}/events", jobs.told),
    path(f"{JOB}/checkpoints", jobs.kept),
    path("models", models.collection),
    path("models/<path:key>", models.item),  # names of base models have a slash
    path("<path:rest>", nowhere),
]
