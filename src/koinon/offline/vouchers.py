"""The bytes of a voucher: what a till signs, and how the code of a card is sealed. docs/algorithms/offline-vouchers.md.

No database, no clock. The same is written in JavaScript in the till's ``offline.js``; a test compares the two.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from uuid import UUID

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from koinon.offline.errors import KeyNotUsable, VoucherMalformed
from koinon.offline.types import Algorithm, Content
from koinon.parties.secrets import Secrets

FORMAT = "koinon-voucher-1"
_BODY = re.compile(
    rf"{FORMAT}\n"
    r"town:(?P<town>[1-9][0-9]{0,8})\n"
    r"device:(?P<device>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\n"
    r"counter:(?P<counter>[1-9][0-9]{0,8})\n"
    r"amount:(?P<amount>[1-9][0-9]{0,14})\n"
    r"unit:(?P<unit>[A-Z][A-Z0-9]{1,11})\n"
    r"accepted:(?P<accepted>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\n"
    r"card:(?P<card>[0-9a-f]{64})\n"
)
_POINT = 65  # An uncompressed point of P-256.
_COORDINATE = 32
_KDF_INFO = b"koinon-offline-box-1"
_KEY_INFO = b"koinon-offline-key-1"


def written(content: Content) -> bytes:
    r"""The bytes that are signed: a line for each fact, ASCII, every line ended.

    >>> at = datetime(2026, 11, 2, 9, 30, 5, tzinfo=UTC)
    >>> print(written(Content(1, UUID(int=7), 3, 12_50, "REC", at, bytes(32))).decode(), end="")
    koinon-voucher-1
    town:1
    device:00000000-0000-0000-0000-000000000007
    counter:3
    amount:1250
    unit:REC
    accepted:2026-11-02T09:30:05Z
    card:0000000000000000000000000000000000000000000000000000000000000000
    """
    return (
        f"{FORMAT}\ntown:{content.town_id}\ndevice:{content.device}\ncounter:{content.counter}\n"
        f"amount:{content.amount_minor}\nunit:{content.unit}\n"
        f"accepted:{content.accepted_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}\ncard:{content.box_digest.hex()}\n"
    ).encode("ascii")


def read(body: bytes) -> Content:
    """What such bytes say, or ``VoucherMalformed``: there is one way to write each voucher, and no other is taken."""
    try:
        found = _BODY.fullmatch(body.decode("ascii"))
        if found is None:
            raise VoucherMalformed
        accepted = datetime.strptime(found["accepted"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise VoucherMalformed from None
    if not 2000 <= accepted.year < 9000:  # Days and deadlines about it can be written, too.
        raise VoucherMalformed
    return Content(
        int(found["town"]), UUID(found["device"]), int(found["counter"]), int(found["amount"]), found["unit"], accepted,
        bytes.fromhex(found["card"]),
    )  # fmt: skip


def public_key(algorithm: Algorithm, raw: bytes) -> bytes:
    """The key as it is kept, or ``KeyNotUsable``: 32 bytes for Ed25519, an uncompressed point for P-256."""
    try:
        if algorithm is Algorithm.ED25519:
            Ed25519PublicKey.from_public_bytes(raw)
        else:
            if len(raw) != _POINT:
                raise KeyNotUsable
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError:
        raise KeyNotUsable from None
    return raw


def is_signed(algorithm: Algorithm, key: bytes, signature: bytes, body: bytes) -> bool:
    """Whether the till with this key signed these bytes. P-256 signs as browsers do: r and s, 32 bytes each."""
    try:
        if algorithm is Algorithm.ED25519:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, body)
            return True
        if len(signature) != 2 * _COORDINATE:
            return False
        r, s = (int.from_bytes(half) for half in (signature[:_COORDINATE], signature[_COORDINATE:]))
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
        point.verify(encode_dss_signature(r, s), body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


# The code of a card, sealed so that only the town opens it


def sealing_key(secrets: Secrets, town_id: int) -> ec.EllipticCurvePrivateKey:
    """The town's key for sealed codes. It follows from a secret outside the database, and is kept nowhere."""
    # 16 bytes more than the curve needs: the remainder is then as good as evenly spread (FIPS 186-5, A.2.1).
    drawn = HKDF(hashes.SHA256(), 48, None, _KEY_INFO + f"|{town_id}".encode()).derive(secrets.lookup)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    return ec.derive_private_key(int.from_bytes(drawn) % (order - 1) + 1, ec.SECP256R1())


def sealing_point(secrets: Secrets, town_id: int) -> bytes:
    """Its public half, for tills: an uncompressed point of P-256."""
    return _encoded(sealing_key(secrets, town_id).public_key())


def sealed(code: str, town: bytes, *, device: UUID, counter: int) -> bytes:
    """A card's code, sealed for the town with a key used once, and bound to its place in the till's count."""
    once = ec.generate_private_key(ec.SECP256R1())
    shared = once.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), town))
    point = _encoded(once.public_key())
    key, nonce = _derived(shared, point, town)
    return point + AESGCM(key).encrypt(nonce, code.encode("ascii"), _place(device, counter))


def unsealed(box: bytes, secrets: Secrets, town_id: int, *, device: UUID, counter: int) -> str | None:
    """The code in a box, or None for one that was not sealed for this town, this till and this place in its count."""
    own = sealing_key(secrets, town_id)
    try:
        point = box[:_POINT]
        shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
        key, nonce = _derived(shared, point, _encoded(own.public_key()))
        return AESGCM(key).decrypt(nonce, box[_POINT:], _place(device, counter)).decode("ascii")
    except (ValueError, InvalidTag):
        return None


def digest(box: bytes) -> bytes:
    return hashlib.sha256(box).digest()


def _encoded(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derived(shared: bytes, once: bytes, town: bytes) -> tuple[bytes, bytes]:
    both = HKDF(hashes.SHA256(), 44, once + town, _KDF_INFO).derive(shared)
    return both[:32], both[32:]


def _place(device: UUID, counter: int) -> bytes:
    return f"{device}|{counter}".encode("ascii")
