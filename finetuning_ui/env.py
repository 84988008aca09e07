"""The environment, read once, typed and loud: a wrong value says which variable, what it was and what is allowed.

Nothing else in the product reads `os.environ`. A `.env` file in the project root counts as environment; the real one wins.
It does not know Django.
"""

import os
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from cryptography.fernet import Fernet
from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FilePath, ValidationError

PROJECT = Path(__file__).resolve().parent.parent


class BadEnvironment(Exception):
    """One or more variables make no sense; the text is for the person who set them."""


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _absolute(path: Path) -> Path:
    """Relative to the project, so that the same `.env` means the same wherever a command is started."""
    return (PROJECT / path.expanduser()).resolve()


def _anywhere(place: str) -> str:
    """A folder as an absolute path, or a URL as it is."""
    scheme, mark, rest = place.partition("://")
    if not mark:
        return str(_absolute(Path(place)))
    if scheme == "file":
        return str(_absolute(Path(rest)))
    if not rest or not scheme.isalnum():
        raise ValueError("not a URL; write a bucket as in s3://bucket/folder")
    return place


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a time zone name; use one such as UTC or Europe/Vienna")
    return str(ZoneInfo(name))


def _url_of(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        if url and url.partition("://")[0] not in schemes:
            raise ValueError(f"must start with {' or '.join(scheme + '://' for scheme in schemes)}")
        return url

    return AfterValidator(check)


def new_key() -> str:
    """A key for SECRETS_KEY."""
    return Fernet.generate_key().decode()


def _fernet_keys(keys: list[str]) -> list[str]:
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            raise ValueError(
                "each key is 32 random bytes in URL-safe base64; `manage.py reseal --new-key` prints one"
            ) from None
    return keys


def _networks(given: list[str]) -> list[str]:
    for network in given:
        try:
            ip_network(network)
        except ValueError as error:
            raise ValueError(f"{error}; write networks like 10.1.0.0/16") from None
    return given


Folder = Annotated[Path, AfterValidator(_absolute)]
Anywhere = Annotated[str, AfterValidator(_anywhere)]
Names = Annotated[list[str], BeforeValidator(_comma_separated)]


class Environment(BaseModel):
    """Each variable once: its type, its default and what it is for. `.env.example` lists the same names."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    DATA_DIR: Folder = Field(PROJECT / "var", validate_default=True, description="everything that must survive a restart")
    HOST: str = Field("127.0.0.1", description="address that the web server listens on")
    PORT: int = Field(8000, ge=1, le=65535, description="port of the web server")
    HTTPS: bool = Field(False, description="served behind TLS: secure cookies, HSTS, redirect to https")
    DEBUG: bool = Field(False, description="tracebacks in the browser; never where others can reach it")
    SECRET_KEY: str | None = Field(None, min_length=50, description="signs sessions; unset: kept in DATA_DIR/secret_key")
    SECRETS_KEY: Annotated[Names, AfterValidator(_fernet_keys)] = Field(
        [], description="encrypts stored secrets, older keys behind the newest; unset: kept in DATA_DIR/secrets_key"
    )
    SECRET_KEY_FALLBACKS: Names = Field([], description="earlier keys, comma-separated: what they signed stays valid")
    ALLOWED_HOSTS: Names = Field([], description="host names people type, comma-separated; this machine's own always work")
    CSRF_TRUSTED_ORIGINS: Names = Field([], description="https://host behind a proxy, comma-separated")
    TIME_ZONE: Annotated[str, AfterValidator(_time_zone)] = Field("UTC", description="for dates on pages")
    LOG_LEVEL: Annotated[str, AfterValidator(str.upper)] = Field(
        "INFO", pattern="^(?i:DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR"
    )

    DATABASE_URL: Annotated[str, _url_of("postgres", "postgresql")] = Field("", description="unset: embedded PostgreSQL")
    DATABASE_POOL: int = Field(0, ge=0, le=1000, description="connections a process keeps; 0: none, `up` gives its own 16")
    BROKER_URL: Annotated[str, _url_of("redis", "rediss")] = Field("", description="unset: embedded Valkey")
    MLFLOW_TRACKING_URI: Annotated[str, _url_of("http", "https")] = Field("", description="unset: MLflow started here")
    EMAIL_URL: Annotated[str, _url_of("smtp", "smtps")] = Field("", description="smtp://user:password@host:587; unset: log")
    EMAIL_FROM: str = Field("finetuning-ui@localhost", description="sender of notifications")

    VOLUMES_ROOT: Anywhere | None = Field(
        None, description="folder or URL (s3://, abfss://, gs://) offered as /Volumes; unset: DATA_DIR/volumes"
    )
    OIDC_ISSUER: Annotated[str, _url_of("http", "https")] = Field("", description="OpenID provider to log in with; unset: none")
    OIDC_CLIENT_ID: str = Field("", description="our name at the OpenID provider")
    OIDC_CLIENT_SECRET: str | None = Field(None, description="our secret at the OpenID provider")
    OIDC_NAME: str = Field("single sign-on", description="how the log-in page calls the OpenID provider")
    OIDC_ROLE: str = Field("viewer", pattern="^(viewer|scientist)$", description="role of who comes in by OpenID first")

    TABLES_ROOT: Anywhere | None = Field(None, description="folder or URL of Delta tables; unset: DATA_DIR/tables")
    HUGGINGFACE_ROOT: Folder | None = Field(None, description="data sets kept here; unset: DATA_DIR/huggingface")
    MODELS_DIR: Folder | None = Field(None, description="base model files; unset: DATA_DIR/models")
    HF_ENDPOINT: Annotated[str, _url_of("http", "https")] = Field(
        "https://huggingface.co", description="hub of models and data sets"
    )
    HF_TOKEN: str | None = Field(None, description="for gated or private models and data sets; never sent elsewhere")
    HF_CDN: Names = Field(["hf.co", "cdn-lfs.huggingface.co"], description="hosts the hub may send us on to for its files")

    WEBHOOK_HOSTS: Names = Field([], description="hosts that webhooks may call, as in hooks.example.org or *.example.org")
    WEBHOOK_NETWORKS: Annotated[Names, AfterValidator(_networks)] = Field(
        [], description="internal networks that webhooks may reach, as in 10.1.0.0/16"
    )
    WEBHOOK_CA_FILE: FilePath | None = Field(
        None, description="PEM file of certificate authorities that webhooks trust besides the public ones"
    )
    LARGEST_UPLOAD_MB: int = Field(20_000, ge=1, description="largest file that is taken, in megabytes")
    REQUESTS_PER_MINUTE: int = Field(3000, ge=1, le=1_000_000, description="REST calls that one token may make")

    CPU_SLOTS: int = Field(1, ge=1, le=1024, description="training processes at once where there is no GPU")
    ENGINE_THREADS: int | None = Field(None, ge=1, le=1024, description="threads of one training process; unset: all cores")


def _in_words(error: ValidationError, values: Mapping[str, str]) -> str:
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0])
        field = Environment.model_fields[name]
        shown = (
            "(hidden)"
            if name in ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "SECRETS_KEY", "HF_TOKEN", "OIDC_CLIENT_SECRET")
            or name.endswith("_URL")
            else repr(values.get(name))
        )
        message = problem["msg"].removeprefix("Value error, ")
        limits = _limits(field.metadata)
        lines.append(f"{name} is {shown}: {message}.{limits} It is for: {field.description}.")
    return "\n".join(["The environment (or .env) cannot be used:", *lines])


def _limits(metadata: list[Any]) -> str:
    bounds = {key: getattr(rule, key) for rule in metadata for key in ("ge", "le") if hasattr(rule, key)}
    return f" Allowed: {bounds['ge']} to {bounds['le']}." if len(bounds) == 2 else ""


def read(environ: Mapping[str, str], dotenv: Path | None = None) -> Environment:
    """The typed environment; an empty value counts as unset, as in a compose file. Raises BadEnvironment."""
    file = dotenv_values(dotenv) if dotenv and dotenv.exists() else {}
    values = {name: value for name, value in {**file, **environ}.items() if value and name in Environment.model_fields}
    try:
        return Environment.model_validate(values)
    except ValidationError as error:
        raise BadEnvironment(_in_words(error, values)) from None


@cache
def environment() -> Environment:
    """What this process was started with."""
    return read(os.environ, PROJECT / ".env")


def inherited(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child process: ours, and what it needs besides."""
    return {**os.environ, **extra}
