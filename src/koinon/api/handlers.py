"""What each address does: translate, and make one call."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID

from koinon.api import problems
from koinon.api.asking import REPLAYED, Answer, Ask
from koinon.api.errors import Misfit, NoSuchThing, OutsideOfParty, RequestInvalid, ScopeMissing, TownCredentialNeeded
from koinon.api.messages import (
    BatchAsked,
    BatchTold,
    CaptureAsked,
    HoldAsked,
    MovementsAsked,
    MovementsTold,
    MovementTold,
    Outcome,
    PartTold,
    PaymentAsked,
    PaymentInBatch,
    PursesTold,
    PurseTold,
    RefundAsked,
    RefundsTold,
    ReleaseAsked,
    WhoTold,
    encode,
    hold_told,
    payment_told,
    refund_told,
)  # fmt: skip
from koinon.api.types import Scope
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.parties.errors import PartyNotFound
from koinon.payments import queries
from koinon.payments.commands import CaptureHold, Pay, PlaceHold, RefundPayment, ReleaseHold
from koinon.payments.errors import PaymentNotFound
from koinon.payments.types import HeldPayment, PartyMovement, Payment, Refund

NO_STORE = (b"cache-control", b"no-store")


# Who may


def may_pay(ask: Ask, payer: UUID, payee: UUID) -> None:
    """Whether the credential may make this payment, or ``OutsideOfParty``, ``ScopeMissing`` or ``TownCredentialNeeded``.

    One without a party may with payments:write pay between any of its town. One of a party may pay from that party
    with payments:write, and take payments to it from others with payments:charge: of those it is told
    yes or no, and nothing about the payer's purses.
    """
    known = ask.known
    party = known.credential.party
    if party is None or party == payer:
        if Scope.PAYMENTS_WRITE not in known.scopes:
            raise ScopeMissing(scope=Scope.PAYMENTS_WRITE)
    elif party == payee:
        _may_charge(ask, payer)
    else:
        raise OutsideOfParty


def _may_charge(ask: Ask, payer: UUID) -> None:
    """Whether the credential may take money from somebody; what the town's own till pays takes two people, and no shop."""
    known = ask.known
    if Scope.PAYMENTS_CHARGE not in known.scopes:
        raise ScopeMissing(scope=Scope.PAYMENTS_CHARGE)
    if payer == known.credential.town_party:
        raise TownCredentialNeeded
    ask.discreet = True


def sees_payer(ask: Ask, payer: UUID, payee: UUID) -> bool:
    """Whether the credential may know who paid; ``NoSuchThing`` where it is not concerned at all."""
    party = ask.known.credential.party
    if party is None or party == payer:
        return True
    if party != payee:
        raise NoSuchThing
    return False


# Payments


async def pay(ask: Ask) -> Answer:
    asked = ask.decoded(PaymentAsked)
    payment_id = ask.id()
    may_pay(ask, asked.payer, asked.payee)
    known = ask.known
    done: Payment = await ask.api.engine.perform(
        known.credential.town_id,
        Pay(
            payment_id, asked.payer, asked.payee, Amount(asked.amount_minor, asked.unit), ask.now, known.actor,
            asked.reference or "", asked.category or "",
        ),
    )  # fmt: skip
    return _made(ask, done, encode(payment_told(done)), b"payments")


def _made(ask: Ask, done: Payment | Refund | HeldPayment, body: bytes, where: bytes) -> Answer:
    """201 with the address of what was made; a retry learns that it was one by a header."""
    headers = [NO_STORE]
    if where:
        headers.append((b"location", b"/api/v1/%s/%s" % (where, str(done.id).encode())))
    if replayed(ask, done):
        headers.append(REPLAYED)
    return Answer(201, body, headers)


def replayed(ask: Ask, done: Payment | Refund | HeldPayment) -> bool:
    """Whether the key had been used before: what was stored then has the instant of the first request."""
    return done.effective_at != ask.now


async def pay_batch(ask: Ask) -> Answer:
    asked = ask.decoded(BatchAsked)
    ask.charge(len(asked.payments) // 10)
    known, results = ask.known, []
    kept: list[Payment | KoinonError | None] = []
    commands = []
    for one in asked.payments:
        try:
            may_pay(ask, one.payer, one.payee)
        except KoinonError as refusal:
            kept.append(refusal)
            continue
        kept.append(None)
        commands.append(
            Pay(
                ask.id_of(one.key), one.payer, one.payee, Amount(one.amount_minor, one.unit), ask.now, known.actor,
                one.reference or "", one.category or "",
            )
        )  # fmt: skip
    performed = iter(await ask.api.engine.perform_many(known.credential.town_id, commands))
    for one, refused in zip(asked.payments, kept, strict=True):
        results.append(_outcome(ask, one, refused or next(performed)))
    return Answer(200, encode(BatchTold(results)), [NO_STORE])


def _outcome(ask: Ask, asked: PaymentInBatch, done: Payment | Exception) -> Outcome:
    if isinstance(done, KoinonError):
        party = ask.known.credential.party
        discreet = party is not None and party != asked.payer
        told = problems.problem(done, language=ask.language, request_id=ask.request_id, discreet=discreet)
        return Outcome(asked.key, "refused", False, problem=told)
    if isinstance(done, Exception):  # It was not posted; the others were all the same.
        told = problems.defect(done, language=ask.language, request_id=ask.request_id)
        return Outcome(asked.key, "refused", False, problem=told)
    return Outcome(asked.key, "posted", replayed(ask, done), payment=payment_told(done))


async def payment(ask: Ask) -> Answer:
    found = await _payment(ask, ask.uuid())
    with_payer = sees_payer(ask, found.payer, found.payee)
    return ask.tagged(payment_told(found, with_payer=with_payer))


async def _payment(ask: Ask, payment_id: UUID) -> Payment:
    town_id = ask.known.credential.town_id
    try:
        return await ask.read(lambda conn: queries.payment(conn, town_id=town_id, payment_id=payment_id))
    except PaymentNotFound:
        raise NoSuchThing from None


async def refund(ask: Ask) -> Answer:
    asked = ask.decoded(RefundAsked)
    refund_id = ask.id()
    known = ask.known
    paid = await _payment(ask, ask.uuid())
    party = known.credential.party
    if party is not None and party != paid.payee:
        sees_payer(ask, paid.payer, paid.payee)
        raise OutsideOfParty
    amount = Amount(asked.amount_minor, paid.unit) if isinstance(asked.amount_minor, int) else None
    done: Refund = await ask.api.engine.perform(
        known.credential.town_id, RefundPayment(refund_id, paid.id, amount, ask.now, known.actor)
    )
    return _made(ask, done, encode(refund_told(done)), b"")


async def refunds(ask: Ask) -> Answer:
    paid = await _payment(ask, ask.uuid())
    sees_payer(ask, paid.payer, paid.payee)
    town_id = paid.town_id
    found = await ask.read(lambda conn: queries.refunds_of(conn, town_id=town_id, payment_id=paid.id))
    return ask.tagged(RefundsTold([refund_told(one) for one in found]))


# Holds


async def place_hold(ask: Ask) -> Answer:
    asked = ask.decoded(HoldAsked)
    hold_id = ask.id()
    known = ask.known
    party = known.credential.party
    if party is not None and party != asked.payer:
        if party != asked.payee:
            raise OutsideOfParty
        _may_charge(ask, asked.payer)
    done: HeldPayment = await ask.api.engine.perform(
        known.credential.town_id,
        PlaceHold(
            hold_id, asked.payer, asked.payee, Amount(asked.amount_minor, asked.unit), asked.lapses_at, ask.now,
            known.actor, asked.reference or "", asked.category or "",
        ),
    )  # fmt: skip
    return _made(ask, done, encode(hold_told(done)), b"holds")


async def hold(ask: Ask) -> Answer:
    found = await _hold(ask, ask.uuid())
    with_payer = sees_payer(ask, found.payer, found.payee)
    return ask.tagged(hold_told(found, with_payer=with_payer))


async def _hold(ask: Ask, hold_id: UUID) -> HeldPayment:
    town_id = ask.known.credential.town_id
    try:
        return await ask.read(lambda conn: queries.hold(conn, town_id=town_id, hold_id=hold_id))
    except KoinonError as refused:
        if problems.status_of(type(refused)) != 404:
            raise
        raise NoSuchThing from None


async def _own_hold(ask: Ask) -> HeldPayment:
    """The hold of the path, which only its payee (or the town) may capture or release."""
    found = await _hold(ask, ask.uuid())
    party = ask.known.credential.party
    if party is not None and party != found.payee:
        sees_payer(ask, found.payer, found.payee)
        raise OutsideOfParty
    ask.discreet = party is not None and party != found.payer
    return found


async def capture_hold(ask: Ask) -> Answer:
    asked = ask.decoded(CaptureAsked)
    payment_id = ask.id()
    held = await _own_hold(ask)
    known = ask.known
    amount = Amount(asked.amount_minor, held.unit) if isinstance(asked.amount_minor, int) else None
    done: Payment = await ask.api.engine.perform(
        known.credential.town_id, CaptureHold(payment_id, held.id, amount, ask.now, known.actor)
    )
    return _made(ask, done, encode(payment_told(done, with_payer=not ask.discreet)), b"payments")


async def release_hold(ask: Ask) -> Answer:
    ask.decoded(ReleaseAsked)
    release_id = ask.id()
    held = await _own_hold(ask)
    known = ask.known
    done: HeldPayment = await ask.api.engine.perform(
        known.credential.town_id, ReleaseHold(release_id, held.id, ask.now, known.actor)
    )
    return Answer(200, encode(hold_told(done, with_payer=not ask.discreet)), [NO_STORE])


# Parties


def _own_party(ask: Ask) -> UUID:
    """The party of the path, where the credential may look at it; any other is not there."""
    party_id = ask.uuid()
    own = ask.known.credential.party
    if own is not None and own != party_id:
        raise NoSuchThing
    return party_id


async def purses(ask: Ask) -> Answer:
    party_id = _own_party(ask)
    credential = ask.known.credential

    def read(conn: Any) -> list[Any]:
        parties.party_facts(conn, credential.town_id, party_id)
        return queries.purses(conn, town_id=credential.town_id, payer=party_id, at=ask.now)

    try:
        found = await ask.read(read)
    except PartyNotFound:
        raise NoSuchThing from None
    listed = [
        PurseTold(
            one.fund, one.fund_code, one.fund_name, one.available_minor, one.spent_today_minor, one.spend_from,
            one.last_day,
        )
        for one in found
    ]  # fmt: skip
    total = sum(one.available_minor for one in found)
    return ask.tagged(PursesTold(party_id, credential.unit, total, listed))


async def movements(ask: Ask) -> Answer:
    asked = ask.parameters(MovementsAsked)
    party_id = _own_party(ask)
    credential = ask.known.credential
    before = cursor_in(asked.cursor)

    def read(conn: Any) -> list[PartyMovement]:
        parties.party_facts(conn, credential.town_id, party_id)
        return queries.movements(
            conn, town_id=credential.town_id, party_id=party_id, before=before, limit=asked.limit + 1
        )

    try:
        found = await ask.read(read)
    except PartyNotFound:
        raise NoSuchThing from None
    shown = found[: asked.limit]
    following = cursor_of(shown[-1]) if len(found) > asked.limit else None
    own = credential.party is not None
    told = MovementsTold([_movement(one, own=own) for one in shown], following)
    here = f"/api/v1/parties/{party_id}/movements?limit={asked.limit}"
    links = [f'<{here}>; rel="first"']
    if following:
        links.append(f'<{here}&cursor={following}>; rel="next"')
    return ask.tagged(told, [(b"link", ", ".join(links).encode())])


def _movement(found: PartyMovement, *, own: bool) -> MovementTold:
    seen = not own or bool(found.counterparty_name)
    return MovementTold(
        found.id, found.effective_at, found.code, found.is_reversal, found.signed_minor, found.unit,
        found.counterparty if seen else None, found.counterparty_name, found.reference,
        [PartTold(name, minor) for name, minor in found.parts],
    )  # fmt: skip


def cursor_of(movement: PartyMovement) -> str:
    """Where the next page begins, as text that says nothing to anybody else."""
    return urlsafe_b64encode(movement.id.bytes).rstrip(b"=").decode()


def cursor_in(text: str) -> UUID | None:
    """The place a cursor stands for, or ``RequestInvalid``."""
    if not text:
        return None
    try:
        return UUID(bytes=urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise RequestInvalid(
            findings=[Misfit("", "value", "no page gave this cursor", parameter="cursor")]
        ) from None  # fmt: skip


# Oneself


async def whoami(ask: Ask) -> Answer:
    credential = ask.known.credential
    told = WhoTold(
        credential.id, credential.name, credential.kind, credential.town, credential.unit, credential.exponent,  # type: ignore[arg-type]
        credential.sandbox, credential.party, list(credential.scopes), credential.expires_at,
        credential.requests_per_second,
    )  # fmt: skip
    return Answer(200, encode(told), [NO_STORE])
