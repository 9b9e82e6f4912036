"""A Python client of Koinon's API: typed, without dependencies, and careful with money.

    from koinon.client.api import Client

    with Client("https://town.example", key="koinon_test_...") as koinon:
        payment = koinon.pay(payer=resident, payee=shop, amount_minor=12_50, unit="XTS")

A request whose answer was lost is sent again with the same key, so that money moves once.

Knows nothing of the rest of Koinon: the folder can be copied and used by itself.
"""
