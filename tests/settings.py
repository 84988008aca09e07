"""The product's settings on a DATA_DIR of this test process alone: no test ever reads or writes `var/`.

A user's `.env` and environment must not change what the tests see, so every variable of ours is set or emptied first.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from finetuning_ui.env import Environment

_folder = TemporaryDirectory(prefix="finetuning-ui-tests-")
for _name in Environment.model_fields:
    os.environ[_name] = ""  # an empty value counts as unset, and wins over `.env`
os.environ["DATA_DIR"] = _folder.name
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"  # the hub is away, so that no test asks the real one
os.environ["DATABASE_POOL"] = "0"  # a pool would keep sessions open in a database that is to be dropped

from finetuning_ui.settings import *  # noqa: E402, F403

Path(_folder.name, "static").mkdir()
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # tests make many people; Argon2 is slow on purpose
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True  # a file is looked for when it is asked for; each Client would list them all first, for 50 ms
