"""Makes the Celery application known to every Django process, so that `shared_task` in `runs` finds it."""

from django.apps import AppConfig


class CompositionConfig(AppConfig):
    name = "finetuning_ui"

    def ready(self) -> None:
        from finetuning_ui import celery  # noqa: F401
