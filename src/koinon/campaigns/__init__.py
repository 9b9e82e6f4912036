"""Bonus campaigns: an extra share on a purchase or a top-up, within a ceiling, undone by refunds.

Knows funds, parties and the books. It does not know payments or top-ups: those tell it
what was paid or bought, and post what it answers together with their own.
"""
