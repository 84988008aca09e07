"""Lets log lines say which request they belong to. Loaded with the settings, before there are models."""

import logging

from runs.services.origin import request_id


class RequestNumber(logging.Filter):
    def filter(self, line: logging.LogRecord) -> bool:
        request = getattr(line, "request", None)  # Django's own lines about an answer come after all middleware
        line.request_id = getattr(request, "number", "") or request_id() or "-"
        return True
