"""One module an indicator: a pure function whose page is docs/indicators/<module>.md.

Knows no database and no clock; ``None`` means undefined, which is not zero.
"""
