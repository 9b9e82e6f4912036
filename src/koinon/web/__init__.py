"""Pages for residents, shops, the town hall and everyone: they translate, and call one operation.

Knows no SQL and no rules of money; what a command line would have to repeat belongs below.
"""
