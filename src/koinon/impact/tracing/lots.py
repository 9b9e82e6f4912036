"""The compiled kernel that moves lots: amounts that share a cohort, a number of payments and the days they came.

An account is a queue of lots in one pool of rows of 32 bytes; neighbours that are alike in everything are one. What each
function moves and counts is told in docs/algorithms/tracing.md; ``holding`` owns the arrays and reads the result.

A lot is four int64:

| word | holds |
| --- | --- |
| 0 | its amount, greater than 0 |
| 1 | its cohort (32 bits), its path by the first path dimension (32) |
| 2 | the tick of its issue (32), the tick at which it came here (32), both since the first tick |
| 3 | its payments (16), the payment that first brought it to a social enterprise (8), the one that first left its zone (8), its path by the second path dimension (32) |

An account's row of ``heads`` is eight int64: the first row of its block in the pool, its first lot's place in the block,
how many lots, the block's size less one, its role and zone, the sum of its lots, and up to eight codes of 16 bits each.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from koinon.impact.tracing.compiled import inlined, kernel, prefetch
from koinon.impact.tracing.types import HOPS, REACH

# A row of ``heads``.
BASE: Final = 0
FIRST: Final = 1
COUNT: Final = 2
MASK: Final = 3
ROLE: Final = 4  # role | is SSE << 8 | (zone + 1) << 16
BALANCE: Final = 5
CODES: Final = 6
DIMENSIONS: Final = 8

# A row of ``book``: one cohort; the first is of unknown origin, those of the ledger follow. What each payment adds to lies
# in one cache line, what each exit adds to in another.
NOBODY: Final = 0
PAID: Final = (
    0  # + on(k): what was paid on after k payments; + on(k) + 1: the sum of amount x ticks held of what moved on
)
STAYED: Final = 6
THROUGH_SSE: Final = 7
EXITS: Final = 40  # + 2 k: what left after k payments; + 2 k + 1: the sum of its amount x ticks held, returns included
HOPS_BEYOND: Final = EXITS + 2 * (HOPS + 1)  # the sum of amount x payments over what left after HOPS and more
TICKS_BEYOND: Final = HOPS_BEYOND + 1  # the sum of amount x ticks from issue over what left after FINE and more
ISSUED: Final = 80
FIRST_ISSUE: Final = 81
LAST_ISSUE: Final = 82
EXPIRED: Final = 83
WITHDRAWN: Final = 84
REFUNDED: Final = 85
RETURNED: Final = 86  # + k: what left after k payments and came back
REACHED: Final = 104  # + hop x labels + label

# Ages of exits: single ticks, then ever wider classes, each within 1/64 of its age.
FINE: Final = 128
AGES: Final = FINE + 64 * 10

# ``marks``: numbers that live from one call to the next.
USED: Final = 0  # rows of the pool that were ever given out
NODES: Final = 1  # nodes of the paths' tree
ENTRIES: Final = 2  # of the map of who paid along which path
OUTSIDE: Final = 3
NOTES: Final = 4  # rows of ``noted`` that the last call filled
FREE: Final = 8  # + k: the first free block of 2**k rows, 0 for none

LAST_LEFT: Final = 1 << 14  # lots that an account outside circulation remembers
MOST_NODES: Final = 1 << 20

# What a row of the map of paths counts.
PAYER: Final = 0
PAYEE: Final = 1
LEFT: Final = 2  # + 0 redeemed, + 1 expired

LOW: Final = 0xFFFFFFFF
NEVER: Final = -1

# What a transfer does.
ISSUE: Final = 0
PAYMENT: Final = 1
REFUND: Final = 2
EXIT: Final = 3
RETURN: Final = 4
NOTHING: Final = 5
BEYOND: Final = 6


@kernel
def first_fault(
    time: Any, source: Any, target: Any, amount: Any, cohort: Any, role: Any, cohorts: Any, since: Any
) -> Any:
    """The first row that cannot be traced and what is wrong with it (1 time, 2 account, 3 amount, 4 cohort), and the sum."""
    last = since
    total = 0.0
    for i in range(len(time)):
        if time[i] < last:
            return i, 1, total
        last = time[i]
        if source[i] < 0 or source[i] >= len(role) or target[i] < 0 or target[i] >= len(role):
            return i, 2, total
        if amount[i] <= 0:
            return i, 3, total
        if role[source[i]] == 1:
            if cohort[i] < 0 or cohort[i] >= cohorts:
                return i, 4, total
        elif cohort[i] != -1:
            return i, 4, total
        total += amount[i]
    return -1, 0, total


@inlined
def age_class(age: Any) -> Any:
    """The class of an age in ticks: itself below 128, then 64 classes for each doubling."""
    if age < FINE:
        return age
    doublings = 0
    while age >= FINE:
        age >>= 1
        doublings += 1
    return min(FINE + 64 * (doublings - 1) + (age - 64), AGES - 1)


@inlined
def _what(from_role: Any, to_role: Any, undoes: Any, same: Any) -> Any:
    if from_role == 0:
        if to_role != 0:
            return EXIT
        if same:
            return NOTHING
        return REFUND if undoes else PAYMENT
    if to_role != 0:
        return BEYOND
    if from_role == 1 and not undoes:
        return ISSUE
    return RETURN


@inlined
def on(payments: Any) -> Any:
    """The place of what was paid on after so many payments."""
    return 2 * payments if payments < 3 else 2 * payments + 2


@inlined
def _roomier(heads: Any, pool: Any, marks: Any, account: Any) -> None:
    """Give an account a block twice as large."""
    mask = heads[account, MASK]
    size = 4 if mask < 0 else 2 * (mask + 1)
    kind = 2
    while (1 << kind) < size:
        kind += 1
    block = marks[FREE + kind]
    if block != 0:
        marks[FREE + kind] = pool[block, 0]
    else:
        block = marks[USED]
        marks[USED] = block + size
    if mask >= 0:
        base = heads[account, BASE]
        first = heads[account, FIRST]
        for k in range(heads[account, COUNT]):
            at = base + ((first + k) & mask)
            for word in range(4):
                pool[block + k, word] = pool[at, word]
        pool[base, 0] = marks[FREE + kind - 1]
        marks[FREE + kind - 1] = base
    heads[account, BASE] = block
    heads[account, FIRST] = 0
    heads[account, MASK] = size - 1


@inlined
def _put(heads: Any, pool: Any, marks: Any, account: Any, amount: Any, w1: Any, w2: Any, w3: Any, before: Any) -> None:
    """Lay a lot behind an account's others, or before them; one with the neighbour when they are alike."""
    heads[account, BALANCE] += amount
    count = heads[account, COUNT]
    mask = heads[account, MASK]
    if count > 0:
        beside = heads[account, FIRST] if before else heads[account, FIRST] + count - 1
        at = heads[account, BASE] + (beside & mask)
        if pool[at, 1] == w1 and pool[at, 2] == w2 and pool[at, 3] == w3:
            pool[at, 0] += amount
            return
    if count == mask + 1:
        if count >= LAST_LEFT and heads[account, ROLE] & 0xFF != 0:
            heads[account, BALANCE] -= pool[heads[account, BASE] + (heads[account, FIRST] & mask), 0]
            heads[account, FIRST] += 1
            count -= 1
        else:
            _roomier(heads, pool, marks, account)
            mask = heads[account, MASK]
    if before:
        heads[account, FIRST] = (heads[account, FIRST] - 1) & mask
        at = heads[account, BASE] + heads[account, FIRST]
    else:
        at = heads[account, BASE] + ((heads[account, FIRST] + count) & mask)
    heads[account, COUNT] = count + 1
    pool[at, 0] = amount
    pool[at, 1] = w1
    pool[at, 2] = w2
    pool[at, 3] = w3


@inlined
def _code(heads: Any, account: Any, dimension: Any) -> Any:
    return (heads[account, CODES + (dimension >> 2)] >> ((dimension & 3) << 4)) & 0xFFFF


@inlined
def _child(nodes: Any, marks: Any, node: Any, label: Any) -> Any:
    """The node reached from ``node`` by a label; column 0 of ``nodes`` is its parent, 1 its depth, 2 its label.

    A first holder's node has depth 1; what was paid more than REACH times is at the child for "…".
    """
    more = nodes.shape[1] - 4
    if nodes[node, 1] > REACH + 1:
        return node
    if nodes[node, 1] == REACH + 1 or marks[NODES] >= MOST_NODES:
        label = more
    child = nodes[node, 3 + label]
    if child == 0:
        child = marks[NODES]
        marks[NODES] = child + 1
        nodes[node, 3 + label] = child
        nodes[child, 0] = node
        nodes[child, 1] = REACH + 2 if label == more else nodes[node, 1] + 1
        nodes[child, 2] = label
    return child


@inlined
def _parent(nodes: Any, node: Any, payments: Any) -> Any:
    """The node before the last payment: what is longer than is told stays where it is until it is short enough."""
    depth = nodes[node, 1]
    if depth <= 1 or (depth > REACH + 1 and payments > REACH):
        return node
    return nodes[node, 0]


@inlined
def _slot(entries: Any, key: Any) -> Any:
    mask = len(entries) - 1
    at = (key * np.int64(-7046029254386353131) >> 20) & mask
    while entries[at, 0] != key and entries[at, 0] != NEVER:
        at = (at + 1) & mask
    return at


@inlined
def _count(entries: Any, marks: Any, node: Any, what: Any, account: Any, amount: Any) -> None:
    """Add to what an account had in a path."""
    key = (node << 34) | (what << 31) | account
    at = _slot(entries, key)
    if entries[at, 0] == NEVER:
        entries[at, 0] = key
        entries[at, 1] = 0
        marks[ENTRIES] += 1
    entries[at, 1] += amount


@inlined
def _count_both(entries: Any, marks: Any, node: Any, payer: Any, payee: Any, amount: Any) -> None:
    """Add to what one paid, and another was paid, along a path."""
    _count(entries, marks, node, np.int64(PAYER), payer, amount)
    _count(entries, marks, node, np.int64(PAYEE), payee, amount)


@inlined
def _first_nodes(heads: Any, nodes: Any, marks: Any, path_dimensions: Any, account: Any) -> Any:
    """Where the paths of what begins at an account begin."""
    path_a = np.int64(0)
    path_b = np.int64(0)
    if len(path_dimensions) > 0:
        path_a = np.int64(_child(nodes, marks, np.int64(1), _code(heads, account, path_dimensions[0])))
    if len(path_dimensions) > 1:
        path_b = np.int64(_child(nodes, marks, np.int64(2), _code(heads, account, path_dimensions[1])))
    return path_a, path_b


@inlined
def _tally(
    flat: Any, old: Any, at: Any, c: Any, what: Any, role: Any, payments: Any, sse: Any, stay: Any, moved: Any,
    held: Any, age: Any,
) -> None:  # fmt: skip
    """Count a lot that moved, in its cohort's row, which begins at ``at``: all but where it arrived.

    ``payments`` are those before; ``sse`` and ``stay`` are -1, 0 or 1; ``held`` and ``age`` in ticks.
    """
    if sse != 0:
        flat[at + THROUGH_SSE] += sse * moved
    if stay != 0:
        flat[at + STAYED] += stay * moved
    if what == PAYMENT:
        place = at + PAID + on(min(payments, HOPS))
        flat[place] += moved
        flat[place + 1] += moved * held
    elif what == REFUND:
        flat[at + REFUNDED] += moved
    else:
        signed = moved if what == EXIT else -moved
        if role == 1:
            flat[at + WITHDRAWN] += signed
            return
        place = at + EXITS + 2 * min(payments, HOPS)
        flat[place] += signed
        if what == EXIT:
            flat[place + 1] += moved * held
        else:
            flat[at + RETURNED + min(payments, HOPS)] += moved
        if role == 3:
            flat[at + EXPIRED] += signed
        if payments >= HOPS:
            flat[at + HOPS_BEYOND] += signed * payments
        if age >= FINE:
            flat[at + TICKS_BEYOND] += signed * age
        old[c * AGES + age_class(age)] += signed


@kernel
def tally(noted: Any, count: Any, by_cohort: Any, ends: Any, book: Any, ages: Any, labels_of: Any) -> None:
    """Count what ``move`` noted. Where cohorts are many (``by_cohort`` has rows), those that lie near each other come
    together first, their places kept in ``ends`` (257 of them): their rows are at hand by then.
    """
    width = book.shape[1]
    flat = book.reshape(-1)
    old = ages.reshape(-1)
    if len(by_cohort) > 0:
        shift = 32
        while len(book) >> (shift - 32) > 255:
            shift += 1
        ends[:] = 0
        for k in range(count):
            ends[(noted[k, 0] >> shift) + 1] += 1
        for bucket in range(256):
            ends[bucket + 1] += ends[bucket]
        for k in range(count):
            bucket = noted[k, 0] >> shift
            to = ends[bucket]
            ends[bucket] = to + 1
            for word in range(4):
                by_cohort[to, word] = noted[k, word]
        noted = by_cohort
    dimensions = labels_of.shape[1] - 1
    for k in range(count):
        c = noted[k, 0] >> 32
        at = c * width
        moved = noted[k, 1]
        said = noted[k, 3]
        what = said & 7
        payments = said >> 16
        _tally(
            flat, old, at, c, what, said >> 3 & 3, payments, (said >> 5 & 3) - 1, (said >> 7 & 3) - 1, moved,
            noted[k, 2] >> 32, noted[k, 2] & LOW,
        )  # fmt: skip
        hop = payments + 1 if what == PAYMENT else payments
        if what <= REFUND and 0 < hop <= REACH:
            profile = noted[k, 0] & LOW
            at += REACHED + (hop - 1) * labels_of[profile, dimensions]
            for d in range(dimensions):
                flat[at + labels_of[profile, d]] += moved if what == PAYMENT else -moved


@kernel
def move(
    start: Any,
    stop: Any,
    time: Any,
    source: Any,
    target: Any,
    amount: Any,
    cohort: Any,
    undoes: Any,
    lifo: Any,
    tick_us: Any,
    first_tick: Any,
    heads: Any,
    pool: Any,
    marks: Any,
    book: Any,
    widths: Any,
    profile: Any,
    noted: Any,
    flows: Any,
    path_dimensions: Any,
    nodes: Any,
    entries: Any,
) -> Any:
    """Carry out the transfers from ``start`` to ``stop``; the first that was not, for want of room in pool, tree, map or
    notes.

    ``widths`` has a row for each dimension: where it begins in a row of reach, how many labels it has with "unknown",
    and where its matrix begins in ``flows``. Each lot that moves is noted for ``tally``, with the ``profile`` of the account
    at which it arrived; how many were is in ``marks[NOTES]``. What was issued is counted in ``book`` at once.
    """
    dimensions = len(widths)
    paths = len(path_dimensions)
    notes = 0
    for i in range(start, stop):
        if i + 24 < stop:
            prefetch(heads, source[i + 24])
            prefetch(heads, target[i + 24])
        if i + 10 < stop:
            ahead = source[i + 10]
            at = heads[ahead, FIRST] + heads[ahead, COUNT] - 1 if lifo else heads[ahead, FIRST]
            prefetch(pool, heads[ahead, BASE] + (at & heads[ahead, MASK]))
            ahead = target[i + 10]
            at = heads[ahead, FIRST] + heads[ahead, COUNT] - 1
            prefetch(pool, heads[ahead, BASE] + (at & heads[ahead, MASK]))
        s = np.int64(source[i])
        t = np.int64(target[i])
        rest = amount[i]
        from_role = heads[s, ROLE] & 0xFF
        to_role = heads[t, ROLE] & 0xFF
        back = undoes[i]
        what = _what(from_role, to_role, back, s == t)
        if what == NOTHING:
            continue
        if what == BEYOND:
            marks[OUTSIDE] += rest
            continue
        taken = heads[s, COUNT]
        if len(pool) - marks[USED] < 6 * (taken + heads[t, COUNT]) + 64 or len(noted) - notes < taken + 1:
            stop = i
            break
        if paths > 0 and (
            len(nodes) - marks[NODES] < 2 * taken + 8 or len(entries) < 2 * (marks[ENTRIES] + 6 * taken + 8)
        ):
            stop = i
            break
        now = time[i] // tick_us - first_tick

        if what == ISSUE:
            c = np.int64(cohort[i]) + 1
            if book[c, ISSUED] == 0:
                book[c, FIRST_ISSUE] = time[i]
            book[c, LAST_ISSUE] = time[i]
            book[c, ISSUED] += rest
            for d in range(dimensions):
                flows[widths[d, 2] + widths[d, 1] * (widths[d, 1] + 3) + _code(heads, t, d)] += rest
            path_a, path_b = _first_nodes(heads, nodes, marks, path_dimensions, t)
            _put(heads, pool, marks, t, rest, (c << 32) | path_a, (now << 32) | now, path_b, False)
            continue

        from_front = not (lifo or back or what == RETURN)
        from_behind = not lifo and what in (REFUND, RETURN)

        short = rest - heads[s, BALANCE]
        if short > 0:
            if book[NOBODY, ISSUED] == 0:
                book[NOBODY, FIRST_ISSUE] = time[i]
            book[NOBODY, LAST_ISSUE] = time[i]
            book[NOBODY, ISSUED] += short
            holder = t if what == RETURN else s
            for d in range(dimensions):
                flows[widths[d, 2] + (widths[d, 1] + 1) * (widths[d, 1] + 3) + _code(heads, holder, d)] += short
            if what == RETURN:
                rest -= short
            else:
                path_a, path_b = _first_nodes(heads, nodes, marks, path_dimensions, s)
                _put(heads, pool, marks, s, short, path_a, (now << 32) | now, path_b, not from_front)
        if what == RETURN and short > 0 and not from_behind:
            path_a, path_b = _first_nodes(heads, nodes, marks, path_dimensions, t)
            _put(heads, pool, marks, t, short, path_a, (now << 32) | now, path_b, False)

        if what == PAYMENT:
            for d in range(dimensions):
                flows[widths[d, 2] + _code(heads, s, d) * (widths[d, 1] + 3) + _code(heads, t, d)] += rest
        elif what == REFUND:
            for d in range(dimensions):
                flows[widths[d, 2] + _code(heads, t, d) * (widths[d, 1] + 3) + _code(heads, s, d)] -= rest
        else:
            holder = s if what == EXIT else t
            at = (
                to_role + from_role + 1
            ) % 3  # Issuers are 1, redeemers 2, expiry is 3; the columns begin with redeemed.
            for d in range(dimensions):
                known = widths[d, 1]
                flows[widths[d, 2] + _code(heads, holder, d) * (known + 3) + known + at] += (
                    rest if what == EXIT else -rest
                )

        is_sse = heads[t, ROLE] & 0xFF00 != 0
        at_home = (heads[s, ROLE] >> 16) == (heads[t, ROLE] >> 16) and (heads[t, ROLE] >> 16) != 0

        # The lots: from the front, or the last ones from behind, or the last ones in their order.
        base = heads[s, BASE]
        first = heads[s, FIRST]
        mask = heads[s, MASK]
        count = heads[s, COUNT]
        step = np.int64(1)
        k = np.int64(0)
        part = rest
        if from_behind:
            step = np.int64(-1)
            k = count - 1
        elif not from_front:
            k = count
            left_over = rest
            while left_over > 0:
                k -= 1
                part = min(left_over, pool[base + ((first + k) & mask), 0])
                left_over -= part
        emptied = 0
        remains = rest
        heads[s, BALANCE] -= rest
        while remains > 0:
            at = base + ((first + k) & mask)
            held = pool[at, 0]
            moved = min(held, part if part < remains else remains)
            part = remains
            w1 = pool[at, 1]
            w2 = pool[at, 2]
            w3 = pool[at, 3]
            remains -= moved
            if moved == held:
                emptied += 1
            else:
                pool[at, 0] = held - moved
            k += step
            c = w1 >> 32
            path_a = w1 & LOW
            issued = w2 >> 32
            arrived = w2 & LOW
            payments = w3 >> 48
            sse = (w3 >> 40) & 0xFF
            away = (w3 >> 32) & 0xFF
            path_b = w3 & LOW

            role = to_role if what == EXIT else from_role
            before = payments
            into_sse = np.int64(0)
            stayed = payments > 0 and away == 0
            if what == PAYMENT:
                payments = min(payments + 1, 0x7FFF)
                if is_sse and sse == 0:
                    sse = min(payments, 0xFF)
                    into_sse = np.int64(1)
                if not at_home and away == 0:
                    away = min(payments, 0xFF)
                if paths > 0:
                    path_a = np.int64(_child(nodes, marks, path_a, _code(heads, t, path_dimensions[0])))
                    _count_both(entries, marks, path_a, s, t, moved)
                if paths > 1:
                    path_b = np.int64(_child(nodes, marks, path_b, _code(heads, t, path_dimensions[1])))
                    _count_both(entries, marks, path_b, s, t, moved)
            elif what == REFUND:
                if payments > 0:
                    if paths > 0:
                        _count_both(entries, marks, path_a, t, s, -moved)
                        path_a = _parent(nodes, path_a, payments - 1)
                    if paths > 1:
                        _count_both(entries, marks, path_b, t, s, -moved)
                        path_b = _parent(nodes, path_b, payments - 1)
                    payments -= 1
                    if sse > payments:
                        sse = 0
                        into_sse = np.int64(-1)
                    if away > payments:
                        away = 0
            elif role != 1:
                holder = s if what == EXIT else t
                signed = moved if what == EXIT else -moved
                if paths > 0:
                    _count(entries, marks, path_a, LEFT + role - 2, holder, signed)
                if paths > 1:
                    _count(entries, marks, path_b, LEFT + role - 2, holder, signed)
            stay = np.int64(payments > 0 and away == 0) - np.int64(stayed)
            age = (now if what == EXIT else arrived) - issued
            noted[notes, 0] = c << 32 | profile[t if what == PAYMENT else s]
            noted[notes, 1] = moved
            noted[notes, 2] = (now - arrived) << 32 | age
            noted[notes, 3] = before << 16 | (stay + 1) << 7 | (into_sse + 1) << 5 | role << 3 | what
            notes += 1
            _put(
                heads,
                pool,
                marks,
                t,
                moved,
                (c << 32) | path_a,
                (issued << 32) | now,
                (payments << 48) | (sse << 40) | (away << 32) | path_b,
                from_behind,
            )
        heads[s, COUNT] = count - emptied
        if from_front:
            heads[s, FIRST] = first + emptied
        if what == RETURN and short > 0 and from_behind:
            path_a, path_b = _first_nodes(heads, nodes, marks, path_dimensions, t)
            _put(heads, pool, marks, t, short, path_a, (now << 32) | now, path_b, True)
    marks[NOTES] = notes
    return stop


@kernel
def gather(heads: Any, pool: Any, held: Any) -> None:
    """Lay all lots one after the other, account by account, from the first to the last."""
    to = 0
    for account in range(len(heads)):
        for k in range(heads[account, COUNT]):
            at = heads[account, BASE] + ((heads[account, FIRST] + k) & heads[account, MASK])
            for word in range(4):
                held[to, word] = pool[at, word]
            to += 1


@kernel
def make_room(heads: Any, counts: Any) -> Any:
    """Give each account a block for so many lots; how many rows of the pool are used."""
    used = 1
    for account in range(len(counts)):
        size = 0
        if counts[account] > 0:
            size = 4
            while size < counts[account]:
                size *= 2
        heads[account, BASE] = used if size > 0 else 0
        heads[account, MASK] = size - 1
        used += size
    return used


@kernel
def lay_out(heads: Any, counts: Any, held: Any, pool: Any) -> None:
    """Lay lots that were gathered into their accounts' blocks."""
    at = 0
    for account in range(len(counts)):
        heads[account, COUNT] = counts[account]
        for k in range(counts[account]):
            for word in range(4):
                pool[heads[account, BASE] + k, word] = held[at, word]
            heads[account, BALANCE] += held[at, 0]
            at += 1


@kernel
def enter(kept: Any, entries: Any) -> Any:
    """Put the rows of one map of paths into a larger one; how many they are."""
    count = 0
    for k in range(len(kept)):
        if kept[k, 0] != NEVER:
            at = _slot(entries, kept[k, 0])
            entries[at, 0] = kept[k, 0]
            entries[at, 1] = kept[k, 1]
            count += 1
    return count


@kernel
def sum_up(heads: Any, pool: Any, widths: Any, held: Any, lying: Any, ways: Any, path_dimensions: Any) -> Any:
    """What is held, by cohort and by label; and by path and account into ``ways``: how many rows of it were filled."""
    filled = 0
    for account in range(len(heads)):
        if heads[account, ROLE] & 0xFF != 0:
            continue
        for d in range(len(widths)):
            lying[widths[d, 0] + _code(heads, account, d)] += heads[account, BALANCE]
        for k in range(heads[account, COUNT]):
            at = heads[account, BASE] + ((heads[account, FIRST] + k) & heads[account, MASK])
            held[pool[at, 1] >> 32] += pool[at, 0]
            for p in range(len(path_dimensions)):
                ways[filled, 0] = pool[at, 1] & LOW if p == 0 else pool[at, 3] & LOW
                ways[filled, 1] = account
                ways[filled, 2] = pool[at, 0]
                filled += 1
    return filled
