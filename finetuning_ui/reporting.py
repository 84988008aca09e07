"""What an error report may say. Django hides what looks secret by its name; here nothing that was
sent in a form is shown at all, and of local variables only their names, with DEBUG too.
"""

import re
from collections.abc import ItemsView
from typing import Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.regex_helper import _lazy_re_compile
from django.views.debug import SafeExceptionReporterFilter

HIDDEN = "API|AUTH|TOKEN|KEY|SECRET|PASS|SIGNATURE|COOKIE|DATABASES|_URL|EMBEDDED"


class Reporter(SafeExceptionReporterFilter):
    hidden_settings = _lazy_re_compile(HIDDEN, flags=re.IGNORECASE)

    def is_active(self, request: HttpRequest | None) -> bool:  # noqa: ARG002  also with DEBUG, and without a request
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> MultiValueDict[str, Any]:
        hidden: MultiValueDict[str, Any] = MultiValueDict()
        for name in request.POST if request else ():
            hidden[name] = self.cleansed_substitute
        return hidden

    def get_traceback_frame_variables(self, request: HttpRequest, tb_frame: Any) -> ItemsView[str, Any]:
        """Local variables by name alone: any of them may hold what somebody typed."""
        return dict.fromkeys(dict(super().get_traceback_frame_variables(request, tb_frame)), self.cleansed_substitute).items()
