"""Everything that banking writes: ``importing`` takes files in, ``matching`` says what their entries are."""

from koinon.banking.importing import add_account, forget_lapsed, import_file, import_looked_at, look, look_again
from koinon.banking.matching import Matched, match_by_hand, match_entry, match_listed, undo_match

__all__ = [
    "Matched",
    "add_account",
    "forget_lapsed",
    "import_file",
    "import_looked_at",
    "look",
    "look_again",
    "match_by_hand",
    "match_entry",
    "match_listed",
    "undo_match",
]
