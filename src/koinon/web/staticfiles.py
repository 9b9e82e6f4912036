"""Style sheets, scripts and fonts under names that carry their content's hash, so that browsers keep them for good."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):
    """Plain names where nothing has been collected yet, as in a test of a single view."""

    manifest_strict = False
    support_js_module_import_aggregation = True  # A module names those it imports by their fingerprints, too.

    def stored_name(self, name: str) -> str:
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name

    def read_again(self) -> None:
        """Take up what was collected since this storage was made."""
        self.hashed_files, self.manifest_hash = self.load_manifest()
