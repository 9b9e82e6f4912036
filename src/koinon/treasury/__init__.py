"""The euros behind the units: budget received, shops paid out, and the files a bank takes.

Knows the books and the parties' bank accounts; knows no programmes and no purchases.
"""
