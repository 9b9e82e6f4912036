"""A part of the bundled town, for where its size does not matter."""

from __future__ import annotations

from pathlib import Path

from koinon.pilots import besos_data


def write(folder: Path, *, households: int = 6, shops: int = 3) -> Path:
    """A town folder with every so-manieth of the families and shops of Besòs."""
    whole = besos_data.generate()
    part = besos_data.Besos(whole.households[::households], whole.businesses[::shops])
    for name, content in besos_data.written(besos_data.typed(part)).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
