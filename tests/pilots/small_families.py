"""A small Greek town that helps families by what is registered of them: rules, a table of amounts, statuses."""

from __future__ import annotations

from pathlib import Path

from tests.pilots import small_town

PROGRAMME = """
[[funds]]
code = "oikogeneies"
name = "Στήριξη οικογενειών"
source = "Προϋπολογισμός 2026"
budget = "12.000,00"
spend_from = 2026-10-01
last_day = 2027-03-31

[[rules]]
fund = "oikogeneies"
sectors = ["food"]

[[programmes]]
code = "epidoma"
name = "Επίδομα οικογενειών"
fund = "oikogeneies"
share = "1/2"
for = "households"

[programmes.eligibility]
resident = { at_least_months = 12 }
any = [
  { income_bands = ["none"] },
  { statuses = ["monogoneiki"] },
]

[programmes.amounts]
table = [
  { children = { younger_than = 18, at_least = 2 }, pays = "200,00" },
  { children = { younger_than = 18, at_least = 1 }, pays = "100,00" },
  { pays = "50,00" },
]
"""
TOWN = (
    small_town.TOWN.replace(
        'joined_on = "Ημ/νία ένταξης"', 'joined_on = "Ημ/νία ένταξης"\nresident_since = "Κάτοικος από"'
    ).replace('"χωρίς" = "none"', '"χωρίς" = "none"\n"χαμηλό" = "low"')
    + """
[files.statuses]
file = "katastaseis.csv"
[files.statuses.columns]
household = "Φάκελος"
status = "Κατάσταση"
from_day = "Από"
to_day = "Έως"
[files.statuses.values.status]
"μονογονεϊκή" = "monogoneiki"
"""
)
HOUSEHOLDS = """Αρ. φακέλου;Οικισμός;Μέλη;Εισόδημα;Ημ/νία ένταξης;Κάτοικος από
Φ-1/2026;Ελευθερούπολη;3;χωρίς;01/09/2026;1/5/2019
Φ-2/2026;Νέα Πέραμος;1;χωρίς;1.9.2026;1/6/2026
Φ-3/2026;Νέα Πέραμος;2;χαμηλό;1.9.2026;1/6/2020
Φ-4/2026;Ελευθερούπολη;1;χαμηλό;1.9.2026;1/6/2020
Φ-5/2026;Ελευθερούπολη;1;χωρίς;1.9.2026;1/6/2020
"""
RESIDENTS = """Φάκελος|ΑΜΚΑ|Όνομα|Επώνυμο|Γέννηση|Σχέση
Φ-1/2026|01018000016|Μαρία|Παπαδοπούλου|01/01/1980|Υπόχρεος
Φ-1/2026||Νίκος|Παπαδόπουλος|2/2/2016|τέκνο
Φ-1/2026||Άννα|Παπαδοπούλου|5/7/2020|τέκνο
Φ-2/2026|02029000011|Γιώργος|Ιωάννου|02/02/1990|Υπόχρεος
Φ-3/2026|15038500029|Ελένη|Δήμου|15/03/1985|Υπόχρεος
Φ-3/2026||Πέτρος|Δήμου|1/1/2018|τέκνο
Φ-4/2026|20057000018|Σοφία|Νικολάου|20/05/1970|Υπόχρεος
Φ-5/2026|01018000024|Παπαδοπούλου Μαρία||01/01/1980|Υπόχρεος
"""
STATUSES = """Φάκελος;Κατάσταση;Από;Έως
Φ-3/2026;μονογονεϊκή;01/01/2024;
"""


def write(folder: Path, **changes: str) -> Path:
    """The folder, with other contents where they are given: town, programme, households, residents, statuses."""
    return small_town.write(
        folder,
        {
            "town.toml": (changes.get("town") or TOWN).encode(),
            "noikokyria.csv": (changes.get("households") or HOUSEHOLDS).encode("cp1253"),
            "melh.csv": (changes.get("residents") or RESIDENTS).encode(),
            "katastaseis.csv": (changes.get("statuses") or STATUSES).encode(),
            "programmes/epidoma.toml": (changes.get("programme") or PROGRAMME).encode(),
            "programmes/enisxyseis.csv": None,
        },
    )
