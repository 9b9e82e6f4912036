"""What the town hands out on paper: letters, cards, statements and certificates as PDF.

Lays out words and figures it is given, in any of the towns' scripts. Reads no database, keeps nothing
and translates nothing: who calls says what stands where, in the reader's language.
"""
