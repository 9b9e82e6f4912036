"""``python -m koinon`` is ``koinon``."""

from koinon.cli.main import main

main()
