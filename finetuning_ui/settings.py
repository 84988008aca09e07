"""Django's settings, made from `finetuning_ui.env` and nothing else. Safe for production unless DEBUG is asked for."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import plotly
import psycopg
import psycopg.conninfo
from django.core.management.utils import get_random_secret_key

from finetuning_ui.env import PROJECT, BadEnvironment, environment, new_key
from finetuning_ui.stack.addresses import Addresses, addresses, keep_first

django_stubs_ext.monkeypatch()  # so that `ModelAdmin[Run]` can be written where the type checker wants it
env = environment()


def _database(url: str) -> dict[str, Any]:
    """Django's form of a PostgreSQL URL; libpq's own parser reads it, so sockets and TLS options work."""
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise BadEnvironment(f"DATABASE_URL cannot be read: {str(error).strip()}") from None
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    database = {ours: str(parts.pop(theirs, None) or "") for ours, theirs in names.items()}
    pool = {"min_size": 0, "max_size": env.DATABASE_POOL, "timeout": 5} if env.DATABASE_POOL else False  # timeout: seconds
    options = {"CONN_HEALTH_CHECKS": True, "OPTIONS": {**parts, "pool": pool}}  # a pool outlives a restart of PostgreSQL
    return {"ENGINE": "django.db.backends.postgresql", **database, **options}


def _kept(data_dir: Path) -> tuple[Addresses, str, str]:
    """The addresses and the two keys of this installation, and the folder for half-read uploads; made at the first start."""
    try:
        (data_dir / "scratch").mkdir(parents=True, exist_ok=True)
        keys = keep_first(data_dir / "secret_key", get_random_secret_key()), keep_first(data_dir / "secrets_key", new_key())
        return addresses(data_dir), *keys
    except OSError as error:
        advice = "Set DATA_DIR to a folder that this account may write to."
        raise BadEnvironment(f"DATA_DIR is {data_dir}: {error.strerror}. {advice}") from None


def _email(url: str) -> dict[str, Any]:
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = urlsplit(url)
    return {
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 587),
        "EMAIL_HOST_USER": parts.username or "",
        "EMAIL_HOST_PASSWORD": parts.password or "",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and bool(parts.username),
    }


# Places
BASE_DIR = PROJECT
DATA_DIR = env.DATA_DIR
VOLUMES_ROOT = env.VOLUMES_ROOT or DATA_DIR / "volumes"
TABLES_ROOT = env.TABLES_ROOT or DATA_DIR / "tables"
HUGGINGFACE_ROOT = env.HUGGINGFACE_ROOT or DATA_DIR / "huggingface"
MODELS_DIR = env.MODELS_DIR or DATA_DIR / "models"
RUNS_DIR = DATA_DIR / "runs"
MEDIA_ROOT = DATA_DIR / "uploads"
LOGS_DIR = DATA_DIR / "logs"

# Services
EMBEDDED, kept_key, kept_secrets_key = _kept(DATA_DIR)
DATABASES = {"default": _database(env.DATABASE_URL or EMBEDDED.database_url)}
BROKER_URL = env.BROKER_URL or EMBEDDED.broker_url
MLFLOW_TRACKING_URI = env.MLFLOW_TRACKING_URI or EMBEDDED.mlflow_uri
HF_ENDPOINT, HF_TOKEN, HF_CDN = env.HF_ENDPOINT, env.HF_TOKEN, env.HF_CDN

# Training
CPU_SLOTS, ENGINE_THREADS = env.CPU_SLOTS, env.ENGINE_THREADS

# Programs
WEBHOOK_HOSTS, WEBHOOK_NETWORKS, WEBHOOK_CA_FILE = env.WEBHOOK_HOSTS, env.WEBHOOK_NETWORKS, env.WEBHOOK_CA_FILE
REQUESTS_PER_MINUTE = env.REQUESTS_PER_MINUTE
LARGEST_UPLOAD = env.LARGEST_UPLOAD_MB * 10**6  # bytes
BODY_PATIENCE = 30.0  # seconds

# Application
ROOT_URLCONF = "finetuning_ui.urls"
ASGI_APPLICATION = "finetuning_ui.asgi.application"
AUTH_USER_MODEL = "runs.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "login", "/", "login"
INSTALLED_APPS = [
    "finetuning_ui",
    "runs",
    "runs.console.apps.ConsoleConfig",  # django.contrib.admin with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
]
MIDDLEWARE = [
    "finetuning_ui.tracing.traced",
    "finetuning_ui.security.content_security_policy",  # first, so that refusals of the next one have it too
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "runs.web.frame.frame",
            ],
        },
    },
]
REST_FRAMEWORK = {
    "URL_FORMAT_OVERRIDE": None,  # what a client takes is in its Accept header
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "runs.api.native.auth.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["runs.api.native.auth.Permitted"],
    "DEFAULT_PARSER_CLASSES": ["runs.api.native.bodies.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["runs.api.native.throttle.PerToken"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "runs.api.native.problems.handle",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Finetuning UI",
    "DESCRIPTION": "Create and follow fine-tuning runs. Every error is a problem document with a stable code.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "COMPONENT_SPLIT_REQUEST": False,
    "COMPONENT_SPLIT_PATCH": False,
    "ENABLE_DJANGO_DEPLOY_CHECK": False,  # a test compares the whole document; the check looks at other addresses too
    "AUTHENTICATION_WHITELIST": ["runs.api.native.auth.BearerAuthentication"],
}

# Security
SECRET_KEY = env.SECRET_KEY or kept_key
SECRETS_KEYS = env.SECRETS_KEY or kept_secrets_key.split(",")  # the first encrypts, all decrypt
SECRET_KEY_FALLBACKS = env.SECRET_KEY_FALLBACKS
DEBUG = env.DEBUG
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", env.HOST, *env.ALLOWED_HOSTS]
CSRF_TRUSTED_ORIGINS = env.CSRF_TRUSTED_ORIGINS
# OpenID Connect, where OIDC_ISSUER is set: allauth speaks the protocol, and nothing of its own pages is served.
OIDC_ISSUER, OIDC_NAME, OIDC_ROLE = env.OIDC_ISSUER, env.OIDC_NAME, env.OIDC_ROLE
ACCOUNT_ADAPTER, SOCIALACCOUNT_ADAPTER = "finetuning_ui.oidc.Accounts", "finetuning_ui.oidc.Newcomers"
ACCOUNT_EMAIL_VERIFICATION, ACCOUNT_UNIQUE_EMAIL = "none", False
SOCIALACCOUNT_LOGIN_ON_GET = True  # a link, because form-action 'self' would hold up a form that is sent on
OIDC_APP = {
    "provider_id": "sso",
    "name": env.OIDC_NAME,
    "client_id": env.OIDC_CLIENT_ID,
    "secret": env.OIDC_CLIENT_SECRET or "",
}
OIDC_OPTIONS = {"server_url": env.OIDC_ISSUER, "oauth_pkce_enabled": True}
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [{**OIDC_APP, "settings": OIDC_OPTIONS}] if env.OIDC_ISSUER else []}}
AUTHENTICATION_BACKENDS = ["finetuning_ui.backend.People"]
SITE = next(iter(env.CSRF_TRUSTED_ORIGINS), f"http://{env.HOST}:{env.PORT}")  # where links in mails lead
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = env.HTTPS
# Cookies ignore ports: two stacks on one machine would log each other's people out under one name.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"session-{env.PORT}", f"csrf-{env.PORT}"
CSRF_COOKIE_HTTPONLY = False  # htmx sends it as a header
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if env.HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked for by machines on the inside, without TLS
X_FRAME_OPTIONS = "DENY"
DEFAULT_EXCEPTION_REPORTER_FILTER = "finetuning_ui.reporting.Reporter"
# HSTS for subdomains (W005) and browsers' preload lists (W021) bind hosts that are not ours to decide on.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# Uploads: a data set streams to disk; the limit is for form fields.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "scratch"  # where what a killed process left is found again: runs.services.leftovers
DATA_UPLOAD_MAX_NUMBER_FILES = 500  # of one form; each is open until the form is answered
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024  # bytes; a REST call may carry rows

# Static files
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
SAMPLES = PROJECT / "runs" / "data" / "samples" / "helpdesk"
STATICFILES_DIRS = [PROJECT / "static", ("samples", SAMPLES), ("vendor/plotly", Path(plotly.__file__).parent / "package_data")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG

# Dates and mail
USE_TZ = True
TIME_ZONE = env.TIME_ZONE
LANGUAGE_CODE, FORMAT_MODULE_PATH = "en-gb", "finetuning_ui.formats"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.EMAIL_FROM
EMAIL_TIMEOUT = 15  # seconds; an admin waits for the mail of an invitation
globals().update(_email(env.EMAIL_URL))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "finetuning_ui.marking.RequestNumber"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s [%(request_id)s]: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request"]}},
    "root": {"handlers": ["console"], "level": env.LOG_LEVEL},
    # a line for every request or connection is too many
    "loggers": {name: {"level": "WARNING"} for name in ("httpx", "aiobotocore", "botocore")},
}
