"""Webhooks to https addresses whose certificate is signed by an authority of the operator's own."""

import datetime
import http.server
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runs.services import outbound
from runs.services.outbound import Unreachable

Key = ec.EllipticCurvePrivateKey
NOW = datetime.datetime.now(datetime.UTC)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def signed(subject: str, key: Key, issuer: str, by: Key, *, authority: bool) -> bytes:
    """A certificate for localhost, or for an authority, as PEM."""
    made = x509.CertificateBuilder(name(issuer), name(subject), key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(NOW - datetime.timedelta(days=1)).not_valid_after(NOW + datetime.timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    return made.add_extension(names, critical=False).sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Hook:
    port: int
    authority: Path


@pytest.fixture(scope="module")
def hook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hook]:
    folder = tmp_path_factory.mktemp("tls")
    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    (folder / "root.pem").write_bytes(signed("Acme root", root, "Acme root", root, authority=True))
    private = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "own.pem").write_bytes(signed("localhost", own, "Acme root", root, authority=False) + private)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.headers["Host"].encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Hook(server.server_port, folder / "root.pem")
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _allowed(settings: Any) -> None:
    settings.WEBHOOK_HOSTS, settings.WEBHOOK_NETWORKS = ["localhost", "127.0.0.1"], ["127.0.0.0/8"]


def test_an_authority_that_nobody_named_is_refused_with_the_way_out(hook: Hook) -> None:
    with pytest.raises(Unreachable, match=r"certificate verify failed.*WEBHOOK_CA_FILE"):
        outbound.post(f"https://localhost:{hook.port}/", b"{}", {})


def test_one_that_the_operator_names_is_trusted_for_the_name_in_the_certificate(hook: Hook, settings: Any) -> None:
    settings.WEBHOOK_CA_FILE = hook.authority
    heard = outbound.post(f"https://localhost:{hook.port}/", b"{}", {})
    assert (heard.status, heard.text) == (200, f"localhost:{hook.port}")
    with pytest.raises(Unreachable, match="IP address mismatch"):
        outbound.post(f"https://127.0.0.1:{hook.port}/", b"{}", {})
    with pytest.raises(Unreachable):
        outbound.post(f"http://localhost:{hook.port}/", b"{}", {})
