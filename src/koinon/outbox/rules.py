"""Decisions about telling: which addresses are safe, how a message is signed, when to try again. No clock, no database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from koinon.outbox.errors import AddressRefused, KindUnknown
from koinon.outbox.types import KINDS, PARTY_KEYS

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105  As Standard Webhooks marks its secrets.
LONGEST_ADDRESS = 2000

WAITS_SECONDS = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
"""Between one try and the next: ten tries in a little over three days."""

LONGEST_ASKED_WAIT_SECONDS = 24 * 3600
DISABLED_AFTER = timedelta(days=3)
TWO_SECRETS_FOR = timedelta(hours=24)

# What ipaddress calls global and yet leads inside: networks that carry another address in theirs.
_CARRIERS_4 = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
    )
)
_INNER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # Shared by carriers; some clouds answer with metadata here.
        "127.0.0.0/8",
        "169.254.0.0/16",  # Link-local, and the metadata of most clouds.
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "100::/64",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


def is_outside(address: str) -> bool:
    """Whether an IP address belongs to the public internet, and to nothing nearer.

    An IPv6 address that carries an IPv4 one (mapped, 6to4, Teredo, NAT64) is refused as a whole.

    >>> [is_outside(text) for text in ("93.184.215.14", "2606:4700::1111", "8.8.8.8")]
    [True, True, True]
    >>> [is_outside(text) for text in ("127.0.0.1", "169.254.169.254", "::ffff:8.8.8.8", "fe80::1%eth0", "64:ff9b::a00:1")]
    [False, False, False, False, False]
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if any(found in network for network in (*_CARRIERS_4, *_INNER) if network.version == found.version):
        return False
    return found.is_global and not found.is_multicast


def checked_address(url: str, *, inside: bool = False) -> str:
    """The address as it is kept, or ``AddressRefused``. ``inside`` also allows http and inner networks, for tests.

    A name is resolved when a message is sent and not before; only addresses
    written as numbers are judged here.

    >>> checked_address("https://shop.example/hook")
    'https://shop.example/hook'
    >>> checked_address("http://shop.example/hook")
    Traceback (most recent call last):
    koinon.outbox.errors.AddressRefused: webhooks are not sent to this address: it does not begin with https://
    """

    def refused(reason: str) -> AddressRefused:
        return AddressRefused(url=url, reason=reason)

    if len(url) > LONGEST_ADDRESS:
        raise refused(f"it is longer than {LONGEST_ADDRESS} characters")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise refused("it has letters that a web address does not have")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise refused("it is no web address") from None
    if parts.scheme != "https" and not (inside and parts.scheme == "http"):
        raise refused("it does not begin with https://")
    if not host or "\\" in parts.netloc:
        raise refused("it names no host")
    if parts.username is not None or parts.password is not None:
        raise refused("it has a user name or password in it")
    if parts.fragment:
        raise refused("it has a #fragment, which is never sent")
    if not inside:
        if host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host + ":":
            raise refused("it is of an inner network")
        if _is_number(host) and not is_outside(host):
            raise refused("it is of an inner network")
    return url


def _is_number(host: str) -> bool:
    """Whether a host is an IP address in any of the ways in which resolvers read numbers.

    >>> [_is_number(host) for host in ("10.0.0.1", "::1", "0x7f.1", "2130706433", "shop.example", "1.shop")]
    [True, True, True, True, False, False]
    """
    if ":" in host:
        return True
    last = host.rstrip(".").rpartition(".")[2].lower()
    return last.isdigit() or last.startswith("0x")


def checked_kinds(kinds: Iterable[str]) -> list[str]:
    """These kinds of events, each once and in the order of the list of kinds; ``KindUnknown`` otherwise."""
    asked = set(kinds)
    unknown = sorted(asked - KINDS.keys())
    if unknown or not asked:
        raise KindUnknown(unknown=unknown, known=list(KINDS))
    return [kind for kind in KINDS if kind in asked]


# Messages and signatures


def message(
    *, event_id: UUID, kind: str, subject: UUID, at: datetime, town: str, data: str, party: UUID | None
) -> bytes:
    """The body of a webhook, the same bytes at each try.

    What a party's own endpoint is sent names no other party: a shop is told that it
    was paid, and not by whom.

    >>> body = message(
    ...     event_id=UUID(int=1), kind="hold.lapsed", subject=UUID(int=2), at=datetime(2026, 11, 2, tzinfo=UTC),
    ...     town="besos", data='{"amount_minor": 1250, "payer": "a", "payee": "b", "unit": "REC"}', party=None)
    >>> print(body.decode())
    {"type":"hold.lapsed","timestamp":"2026-11-02T00:00:00Z","data":{"amount_minor":1250,"payee":"b","payer":"a","unit":"REC"},"id":"...","subject":"...","town":"besos"}
    """
    known = json.loads(data)
    if party is not None:
        known = {key: value for key, value in known.items() if key not in PARTY_KEYS or value == str(party)}
    content = {
        "type": kind,
        "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": dict(sorted(known.items())),
        "id": str(event_id),
        "subject": str(subject),
        "town": town,
    }
    return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode()


def signature(secrets: Sequence[bytes], *, message_id: UUID | str, seconds: int, body: bytes) -> str:
    """The ``webhook-signature`` header: one signature for each secret that is good at the moment.

    Source: Standard Webhooks 1.0, "Signature scheme": HMAC-SHA256 of ``id.timestamp.body``. The case is
    the one its reference libraries are tested with.

    >>> secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    >>> signature([secret], message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", seconds=1614265330, body=b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = b"%s.%d.%s" % (str(message_id).encode(), seconds, body)
    return " ".join(
        "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode() for secret in secrets
    )


def secret_text(secret: bytes) -> str:
    """How a secret is shown to the person who puts it into the receiving program.

    >>> secret_text(b"0123456789abcdef01234567")
    'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3'
    """
    return SECRET_PREFIX + base64.b64encode(secret).decode()


# Trying again


def wait_seconds(tries: int, *, chance: float, asked: float | None = None) -> float | None:
    """How long to wait after so many failed tries; None where that was the last one.

    ``chance`` in [0, 1) moves the wait by up to a fifth either way, so that what failed together does not
    come back together. ``asked`` is what the receiver said in ``Retry-After``: no try comes sooner, within a day.

    >>> [wait_seconds(tries, chance=0.5) for tries in (1, 2, 9, 10)]
    [5.0, 300.0, 86400.0, None]
    >>> wait_seconds(1, chance=0.0), wait_seconds(1, chance=0.5, asked=90)
    (4.0, 90.0)
    """
    if tries > len(WAITS_SECONDS):
        return None
    planned = WAITS_SECONDS[tries - 1] * (0.8 + 0.4 * chance)
    return max(planned, float(min(asked or 0, LONGEST_ASKED_WAIT_SECONDS)))
