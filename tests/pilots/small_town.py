"""A small Greek town folder in the encodings of its town hall, to be spoilt one thing at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from koinon.kernel.decisions import Finding
from koinon.kernel.errors import FindingsError
from koinon.pilots import townfolder

TOWN = """
[town]
slug = "paggaio"
name = "Παγγαίο"
country = "GR"
time_zone = "Europe/Athens"
languages = ["el", "en"]
tax_id = "EL 094259216"
account_holder = "Δήμος Παγγαίου"
iban = "GR16 0110 1250 0000 0001 2300 695"

[unit]
code = "PAG"
name = "Παγγαίο"
at_par_with = "EUR"

[terms]
minimum_redemption = "10"

[[zones]]
code = "eleftheroupoli"
name = "Ελευθερούπολη"

[[zones]]
code = "nea-peramos"
name = "Νέα Πέραμος"

[files.households]
file = "noikokyria.csv"
encoding = "windows-1253"
[files.households.columns]
household = "Αρ. φακέλου"
zone = "Οικισμός"
members = "Μέλη"
income_band = "Εισόδημα"
joined_on = "Ημ/νία ένταξης"
[files.households.values.income_band]
"χωρίς" = "none"

[files.residents]
file = "melh.csv"
[files.residents.columns]
household = "Φάκελος"
identifier = "ΑΜΚΑ"
name = "Όνομα"
surnames = "Επώνυμο"
born_on = "Γέννηση"
role = "Σχέση"
[files.residents.values.role]
"υπόχρεος" = "reference"
"*" = "member"

[files.businesses]
file = "epixeiriseis.csv"
[files.businesses.columns]
tax_id = "ΑΦΜ"
legal_name = "Επωνυμία"
trade_name = "Διακριτικός τίτλος"
sector = "ΚΑΔ"
legal_form = "Μορφή"
zone = "Οικισμός"
chain = "Αλυσίδα"
accepts_since = "Από"
iban = "IBAN"
[files.businesses.values.legal_form]
"ατομική" = "self-employed"
"ΚοινΣΕπ" = "cooperative"
[files.businesses.values.chain]
"ναι" = "yes"
"όχι" = "no"
"""

PROGRAMME = """
[[funds]]
code = "stiriksi"
name = "Στήριξη"
source = "Προϋπολογισμός 2026"
budget = "12.000,00"
spend_from = 2026-10-01
last_day = 2027-03-31

[[rules]]
fund = "stiriksi"
sectors = ["food", "47.73"]
share_of_price = "1/2"
per_day = 50

[[programmes]]
code = "stiriksi"
name = "Στήριξη"
fund = "stiriksi"
share = "1/4"
[programmes.awards]
file = "enisxyseis.csv"
[programmes.awards.columns]
household = "Αρ. φακέλου"
monthly = "Ποσό"
from_day = "Από"
to_day = "Έως"
""".replace('code = "stiriksi"\nname = "Στήριξη"\nfund', 'code = "epidoma"\nname = "Επίδομα"\nfund')

HOUSEHOLDS = """Αρ. φακέλου;Οικισμός;Μέλη;Εισόδημα;Ημ/νία ένταξης
Φ-1/2026;ΕΛΕΥΘΕΡΟΥΠΟΛΗ;2;χωρίς;01/09/2026
Φ-2/2026;Νέα Πέραμος ;1;Χωρίς;1.9.2026
"""
RESIDENTS = """Φάκελος|ΑΜΚΑ|Όνομα|Επώνυμο|Γέννηση|Σχέση
Φ 1 2026|010180 0001-6|Μαρία|Παπαδοπούλου|01/01/1980|Υπόχρεος
Φ-1/2026||Νίκος|Παπαδόπουλος|2/2/2016|τέκνο
φ-2/2026|02029000011|Γιώργος|Ιωάννου|02/02/1990|ΥΠΌΧΡΕΟΣ
"""
BUSINESSES = """ΑΦΜ,Επωνυμία,Διακριτικός τίτλος,ΚΑΔ,Μορφή,Οικισμός,Αλυσίδα,Από,IBAN
094259216,Παντοπωλείο Α.Ε.,Το Παντοπωλείο,47.11,ατομική,Ελευθερούπολη,όχι,01/09/2026,GR1601101250000000012300695
EL 998144460,"ΚοινΣΕπ «Ψωμί, ελιά»",Ψωμί κι ελιά,4724,ΚΟΙΝΣΕΠ,νεα περαμος,,15-9-2026,gr16 0110 1250 0000 0001 2300 695
"""
AWARDS = """Αρ. φακέλου;Ποσό;Από;Έως

Φ-1/2026;"450,50 €";01/10/2026;31/03/2027
Φ-2/2026;1.050,00;01/10/2026;
"""
FILES = {
    "town.toml": TOWN.encode(),
    "noikokyria.csv": HOUSEHOLDS.encode("cp1253"),
    "melh.csv": RESIDENTS.encode("utf-16"),
    "epixeiriseis.csv": BUSINESSES.encode("utf-8-sig"),
    "programmes/epidoma.toml": PROGRAMME.encode(),
    "programmes/enisxyseis.csv": AWARDS.encode("cp1253"),
}


def write(folder: Path, changes: Mapping[str, bytes | None] | None = None) -> Path:
    """The folder, with these files instead of its own, or without the ones that are None."""
    for name, content in {**FILES, **(changes or {})}.items():
        if content is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder


def findings(folder: Path) -> tuple[Finding, ...]:
    """What reading the folder finds, errors and warnings."""
    try:
        return townfolder.read(folder).warnings
    except FindingsError as refused:
        return refused.findings
