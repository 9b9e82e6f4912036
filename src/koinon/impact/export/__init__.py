"""A town's sealed books as Parquet files, for whoever asks more of many towns than one database should answer.

Reads the books and the public attributes of organisations; writes into a folder and nowhere else. Knows parties by the
numbers of their accounts. Does not know who reads the files: ``koinon.impact.scale`` does.
"""
