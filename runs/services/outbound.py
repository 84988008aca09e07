"""Calls to addresses that people have named: only to hosts that the operator allows, and never to the inside by accident.

A name is resolved once, every address that it has is judged, and the connection is made to the one that was judged: a name that
points elsewhere a moment later gains nothing. Redirects are not followed. Addresses of an operator's settings (HF_ENDPOINT,
MLFLOW_TRACKING_URI, OIDC_ISSUER) may be internal and do not come here.
"""

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, urlsplit

import httpx
from django.conf import settings

from runs.services.refused import Unfit

TIMEOUT = httpx.Timeout(10.0, connect=5.0)  # seconds
TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))
UNTRUSTED = ". An operator names certificate authorities of their own with WEBHOOK_CA_FILE."
READ_BYTES = 500  # of an answer; the rest is nobody's concern

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):
    """There was no answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Heard:
    status: int
    text: str


def check(url: str, field: str = "url") -> SplitResult:
    """The parts of an address that may be called; raise Unfit with the reason otherwise. Resolves nothing."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Unfit("This is no address. Write it like https://hooks.example.org/runs.", field=field) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Unfit("This is no address. Write it like https://hooks.example.org/runs.", field=field)
    if parts.username is not None or parts.password is not None:
        raise Unfit("An address with a name or password in it would be shown in logs. Use the signature instead.", field=field)
    if not any(fnmatchcase(parts.hostname, pattern.lower()) for pattern in settings.WEBHOOK_HOSTS):
        raise Unfit(
            f"Nothing may be sent to {parts.hostname[:100]} from here. WEBHOOK_HOSTS says where to.",
            field=field,
        )
    return parts


def post(url: str, body: bytes, headers: dict[str, str]) -> Heard:
    """Send `body` and return the beginning of the answer; raise Unreachable."""
    try:
        parts = check(url)
    except Unfit as refusal:
        raise Unreachable(refusal.message) from None
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    address = resolve(host, port)
    target = httpx.URL(url).copy_with(host=address)
    headers = headers | {"Host": parts.netloc, "User-Agent": "finetuning-ui"}
    try:
        with (
            httpx.Client(timeout=TIMEOUT, trust_env=False, verify=_trusted()) as client,
            client.stream("POST", target, content=body, headers=headers, extensions={"sni_hostname": host}) as answer,
        ):
            text = next(answer.iter_bytes(READ_BYTES), b"")
            return Heard(answer.status_code, text.decode(errors="replace").replace("\x00", ""))
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        told = f"{type(error).__name__}: {error}"
        raise Unreachable((told + UNTRUSTED if "CERTIFICATE_VERIFY_FAILED" in told else told)[:READ_BYTES]) from None


def _trusted() -> ssl.SSLContext:
    """The public authorities, and those of the operator."""
    context = httpx.create_ssl_context(trust_env=False)
    if settings.WEBHOOK_CA_FILE:
        context.load_verify_locations(settings.WEBHOOK_CA_FILE)
    return context


def resolve(host: str, port: int) -> str:
    """The first address of this host; raise Unreachable when it has none, or when any of them is not to be called."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{host} has no address: {error}") from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        if not _is_callable(address):
            raise Unreachable(f"{host} is {address}, an internal address. An operator allows networks with WEBHOOK_NETWORKS.")
    return str(addresses[0])


def _is_callable(address: Address) -> bool:
    """Public, or within a network that the operator names; so is every address that it would be sent on to."""
    return all(_is_open(each) for each in (address, *_within(address)))


def _is_open(address: Address) -> bool:
    if any(address in network for network in map(ipaddress.ip_network, settings.WEBHOOK_NETWORKS)):
        return True
    if address.version == 6 and address.ipv4_mapped:
        return True  # never on a wire: judged as the IPv4 address that it is
    return bool(address.is_global and not address.is_multicast)


def _within(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses in an IPv6 one: mapped, 6to4, Teredo, behind a translator (NAT64), or in the old compatible form."""
    if address.version == 4:
        return
    yield from (each for each in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())) if each)
    if any(address in network for network in TRANSLATED) and not (address.is_loopback or address.is_unspecified):
        yield ipaddress.IPv4Address(address.packed[-4:])
