"""What happens by the clock: sealing, lapsing holds, checking the books.

Makes one call for each thing that is due and knows nothing of web, API and command line.
"""
