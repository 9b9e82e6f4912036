"""Purses and movements: tags that save a transfer, and pages that stay as they were while money moves."""

from __future__ import annotations

from tests.api.asking import fresh, payment


def test_purses_say_what_is_there_and_until_when(books, asking):
    told = asking("GET", f"/parties/{books.party('pere')}/purses", by=books.key())
    assert (told.status, told.json["party"], told.json["available_minor"]) == (200, books.party("pere"), 0)
    purses = asking("GET", f"/parties/{books.party('ana')}/purses", by=books.key()).json
    assert {one["fund_code"]: one["available_minor"] for one in purses["purses"]} == {"aid": 50_00, "gift": 20_00}
    assert purses["available_minor"] == 70_00


def test_what_has_not_changed_is_not_sent_again(books, asking):
    path = f"/parties/{books.party('ana')}/purses"
    first = asking("GET", path, by=books.key())
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        told = asking("GET", path, by=books.key(), headers={"if-none-match": given})
        assert (told.status, told.body, told.headers["etag"]) == (304, b"", tag)
    asking("POST", "/payments", json=payment(books, "ana", "forn", 1), key=fresh(), by=books.key())
    told = asking("GET", path, by=books.key(), headers={"if-none-match": tag})
    assert told.status == 200
    assert told.headers["etag"] != tag


def test_pages_stay_as_they_were_while_money_moves(books, asking):
    path = f"/parties/{books.party('llibres')}/movements"
    made = [
        asking("POST", "/payments", json=payment(books, "ana", "llibres", 1 + n), key=fresh(), by=books.key()).json[
            "id"
        ]
        for n in range(7)
    ]
    seen, query = [], "limit=3"
    while True:
        page = asking("GET", path, by=books.key(), query=query)
        seen += [one["id"] for one in page.json["movements"]]
        asking("POST", "/payments", json=payment(books, "ana", "llibres", 1), key=fresh(), by=books.key())
        following = page.json["next"]
        assert ('rel="next"' in page.headers["link"]) == (following is not None)
        if following is None:
            break
        query = f"limit=3&cursor={following}"
        assert f'{path}?{query}>; rel="next"' in page.headers["link"]
    assert seen == made[::-1]


def test_a_cursor_of_nobody_is_an_empty_page_and_no_defect(books, asking):
    for cursor in ("A" * 22, "_" * 22, "z" * 22):
        told = asking("GET", f"/parties/{books.party('ana')}/movements", by=books.key(), query=f"cursor={cursor}")
        assert told.status == 200


def test_a_movement_shows_its_parts(books, asking):
    asking("POST", "/payments", json=payment(books, "ana", "forn", 4990), key=fresh(), by=books.key())
    top = asking("GET", f"/parties/{books.party('ana')}/movements", by=books.key(), query="limit=1").json["movements"][
        0
    ]
    assert (top["code"], top["signed_minor"], top["counterparty_name"]) == ("pay", -4990, "Forn")
    assert sum(part["signed_minor"] for part in top["parts"]) == -4990
    assert {part["fund_name"] for part in top["parts"]} <= {"Aid", "Gift"}
