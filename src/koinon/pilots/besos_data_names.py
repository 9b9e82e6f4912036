"""The words the Besòs data are made of: names of people and shops, and how neighbourhoods get written.

Names are frequent ones in the neighbourhoods' population by origin; every
combination is drawn at random and stands for nobody.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a family's names come from, how often, the language they prefer, and what paper they carry."""

    share: int
    language: str
    document: str  # the usual one: DNI, NIE or Passaport
    women: tuple[str, ...]
    men: tuple[str, ...]
    surnames: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ORIGINS = (
    Origin(
        20,
        "Català",
        "DNI",
        _words(
            "Montserrat Núria Mercè Laia Marta Anna Gemma Neus Carme Eulàlia Sílvia Mireia Assumpta Rosa Txell Júlia"
        ),
        _words("Jordi Marc Josep Joan Pere Àlex Xavier Ramon Martí Oriol Quim Lluís Enric Bernat Pol Roger"),
        _words(
            "Puig Serra Vila Soler Roca Ferrer Vidal Pujol Casals Bosch Font Riera Sala Camps Bonet Mas Prat Rovira"
        ),
    ),
    Origin(
        34,
        "Castellà",
        "DNI",
        _words(
            "María Carmen Dolores Encarnación Isabel Ana Yolanda Raquel Vanesa Rocío Sonia Lorena Noelia Saray Inés"
        ),
        _words("Antonio José Manuel Francisco Juan Rafael David Iván Óscar Sergio Rubén Cristian Jesús Ángel Adrián"),
        _words(
            "García Fernández López Martínez Sánchez Pérez Gómez Jiménez Cortés Heredia Moreno Muñoz Gutiérrez Amaya "
            "Santiago Romero Torres Ruiz Hernández"
        ),
    ),
    Origin(
        14,
        "Àrab",
        "NIE",
        _words("Fatima Khadija Aïcha Naima Hanane Samira Malika Zineb Nadia Souad Rachida Latifa"),
        _words("Mohamed Ahmed Youssef Rachid Abdelkader Hassan Mustapha Brahim Said Karim Omar Driss"),
        _words("El_Amrani Benali Bouzidi El_Idrissi Chakir Haddad Lahlou Ouali Tazi Ziani El_Khattabi Mansouri"),
    ),
    Origin(
        8,
        "Urdú",
        "NIE",
        _words("Ayesha Nasreen Shazia Rukhsana Saima Bushra Farzana Amina"),
        _words("Muhammad Imran Asif Tariq Nadeem Waqas Shahid Usman"),
        _words("Khan Hussain Ahmed Iqbal Malik Butt Chaudhry Mirza Sheikh Akhtar"),
    ),
    Origin(
        13,
        "Castellà",
        "NIE",
        _words("Yesenia Wendy Karla Gloria Marisol Daniela Paola Ruth Fanny Heidy Jenny Luz"),
        _words("Wilson Edwin Jairo Luis Carlos Nelson Darwin Víctor Franklin Marlon"),
        _words("Mejía Zelaya Quispe Rodríguez Castillo Paredes Vargas Guamán Cedeño Lozano Mamani Alvarado Reyes"),
    ),
    Origin(
        4,
        "Romanès",
        "NIE",
        _words("Elena Mihaela Andreea Daniela Cristina Ioana"),
        _words("Andrei Ionuț Marian Vasile Florin Bogdan"),
        _words("Popescu Ionescu Dumitru Stan Munteanu Ciobanu Radu"),
    ),
    Origin(
        4,
        "Xinès",
        "NIE",
        _words("Li Xiaomei Yan Meiling Hui Jing"),
        _words("Wei Jian Haoran Ming Guang Jun"),
        _words("Chen Wang Zhou Lin Xu Ye Hu"),
    ),
    Origin(
        3,
        "Francès",
        "Passaport",
        _words("Aminata Fatoumata Mariama Awa Oumou Blessing"),
        _words("Mamadou Ousmane Ibrahima Lamine Abdoulaye Emmanuel"),
        _words("Diallo Traoré Camara Diop Sow Keita Touré Osei"),
    ),
)

# Official code and name of the ten neighbourhoods of the Besòs axis, how many households in
# a thousand live there, how many shops, and other ways in which lists write them.
ZONES = (
    ("50", "les Roquetes", 150, 24, ("Roquetes",)),
    ("53", "la Trinitat Nova", 90, 10, ("Trinitat Nova", "Trini Nova")),
    ("54", "Torre Baró", 45, 4, ("Torrebaró",)),
    ("55", "Ciutat Meridiana", 130, 15, ("C. Meridiana",)),
    ("56", "Vallbona", 25, 3, ()),
    ("57", "la Trinitat Vella", 120, 19, ("Trinitat Vella", "Trini Vella")),
    ("58", "Baró de Viver", 50, 5, ()),
    ("59", "el Bon Pastor", 90, 17, ("Bon Pastor",)),
    ("70", "el Besòs i el Maresme", 180, 40, ("Besòs i Maresme", "Besòs-Maresme", "El Besòs")),
    ("73", "la Verneda i la Pau", 120, 40, ("Verneda i la Pau", "La Pau", "La Verneda")),
)

STREETS = {
    "50": ("Via Favència", "C/ de les Torres", "C/ de Mina de la Ciutat", "C/ d'Alcántara"),
    "53": ("C/ d'Aiguablava", "C/ de Palamós", "C/ de la Pedrosa"),
    "54": ("Av. d'Escolapi Càncer", "C/ de Sant Feliu de Codines"),
    "55": ("C/ dels Rasos de Peguera", "Av. dels Rasos de Peguera", "C/ del Pedraforca", "C/ de Costabona"),
    "56": ("C/ d'Oristany", "C/ d'Alella"),
    "57": ("C/ de la Foradada", "Via Bàrcino", "C/ de Mare de Déu de Lorda", "C/ de Madriguera"),
    "58": ("Pg. de Santa Coloma", "C/ de Ciudad de Elche"),
    "59": ("C/ de Sant Adrià", "C/ de l'Enric Sanchís", "C/ de la Cinquantena"),
    "70": ("Rambla de Prim", "C/ d'Alfons el Magnànim", "C/ de Cristòfol de Moura", "C/ de Jaume Huguet"),
    "73": ("C/ de Guipúscoa", "Via Trajana", "C/ d'Huelva", "Rambla de Guipúscoa"),
}


@dataclass(frozen=True, slots=True)
class Trade:
    """A kind of shop: how many, its class (NACE Rev. 2.1, CCAE 2025), what the list calls it, its sign."""

    count: int
    sector: str
    activity: str
    signs: tuple[str, ...]
    legal_forms: tuple[str, ...]
    workers: tuple[int, int]
    supplier: bool = False


OWN, LTD, INC, PARTNERS = "Autònom", "SL", "SA", "Comunitat de béns"
COOP, SLL, ASSOC, FOUND, CET, EI = (
    "Cooperativa",
    "Societat laboral",
    "Associació",
    "Fundació",
    "Centre especial de treball",
    "Empresa d'inserció",
)

_SHOP = (OWN, OWN, OWN, LTD, LTD, PARTNERS)
_FIRM = (LTD, LTD, LTD, INC)
TRADES = (
    Trade(13, "47.21", "Fruites i verdures", ("Fruites {}", "Fruiteria {}", "Verdures {}"), _SHOP, (1, 4)),
    Trade(
        9,
        "47.22",
        "Carnisseria i xarcuteria",
        ("Carnisseria {}", "Xarcuteria {}", "Carnisseria Halal {}"),
        _SHOP,
        (1, 5),
    ),
    Trade(6, "47.23", "Peixateria", ("Peixateria {}", "Peix {}"), _SHOP, (1, 4)),
    Trade(11, "47.24", "Fleca i pastisseria", ("Forn {}", "Fleca {}", "Pastisseria {}"), _SHOP, (2, 8)),
    Trade(12, "47.11", "Queviures", ("Queviures {}", "Alimentació {}", "Supermercat {}"), _SHOP, (1, 6)),
    Trade(5, "47.27", "Altres aliments", ("Llegums {}", "Dietètica {}", "Bacallaneria {}"), _SHOP, (1, 3)),
    Trade(8, "56.30", "Bar", ("Bar {}", "Cafeteria {}", "Granja {}"), _SHOP, (1, 6)),
    Trade(7, "56.11", "Restaurant", ("Restaurant {}", "Can {}", "Casa {}"), _SHOP, (3, 12)),
    Trade(8, "47.73", "Farmàcia", ("Farmàcia {}", "Farmàcia Lda. {}"), (OWN, OWN, PARTNERS), (2, 7)),
    Trade(3, "47.74", "Òptica i ortopèdia", ("Òptica {}", "Ortopèdia {}"), _SHOP, (1, 4)),
    Trade(2, "86.23", "Clínica dental", ("Clínica Dental {}",), (LTD,), (3, 9)),
    Trade(8, "47.71", "Roba", ("Moda {}", "Roba {}", "Moda Infantil {}"), _SHOP, (1, 4)),
    Trade(5, "47.72", "Sabateria", ("Calçats {}", "Sabateria {}"), _SHOP, (1, 3)),
    Trade(3, "47.51", "Merceria", ("Merceria {}", "Teixits {}"), _SHOP, (1, 2)),
    Trade(6, "47.52", "Ferreteria", ("Ferreteria {}",), _SHOP, (1, 4)),
    Trade(4, "47.55", "Parament de la llar", ("La Llar {}", "Mobles {}"), _SHOP, (1, 5)),
    Trade(3, "47.54", "Electrodomèstics", ("Electrodomèstics {}",), _SHOP, (1, 4)),
    Trade(2, "47.76", "Floristeria", ("Flors {}",), _SHOP, (1, 2)),
    Trade(4, "47.75", "Drogueria i perfumeria", ("Perfumeria {}", "Drogueria {}"), _SHOP, (1, 3)),
    Trade(8, "96.21", "Perruqueria", ("Perruqueria {}", "Barberia {}", "Estètica {}"), (OWN, OWN, OWN, LTD), (1, 4)),
    Trade(4, "47.62", "Papereria i premsa", ("Papereria {}",), _SHOP, (1, 2)),
    Trade(2, "47.61", "Llibreria", ("Llibreria {}",), _SHOP, (1, 3)),
    Trade(1, "47.64", "Joguines", ("Joguines {}",), _SHOP, (1, 3)),
    Trade(3, "95.10", "Reparació d'ordinadors i mòbils", ("Mòbils {}", "Informàtica {}"), _SHOP, (1, 3)),
    Trade(2, "95.23", "Reparació de calçat", ("Ràpid {}",), (OWN,), (1, 2)),
    Trade(2, "85.59", "Acadèmia", ("Acadèmia {}",), (OWN, LTD), (2, 8)),
    # those who supply the others, so that what a shop takes in can be spent again
    Trade(3, "46.31", "Majorista de fruita i verdura", ("{} Fruites a l'Engròs", "Agro {}"), _FIRM, (5, 30), True),
    Trade(2, "46.32", "Majorista de carn i peix", ("{} Carns i Peix",), _FIRM, (6, 28), True),
    Trade(1, "46.34", "Majorista de begudes", ("Distribucions {}",), _FIRM, (8, 22), True),
    Trade(2, "46.39", "Majorista d'alimentació", ("Majorista {}",), _FIRM, (9, 60), True),
    Trade(1, "46.42", "Majorista de roba i calçat", ("Tèxtils {}",), _FIRM, (4, 18), True),
    Trade(1, "46.44", "Productes de neteja", ("Neteges {} Subministraments",), _FIRM, (4, 15), True),
    Trade(1, "18.12", "Impremta", ("Gràfiques {}",), (LTD,), (3, 11), True),
    Trade(1, "69.20", "Gestoria", ("Gestoria {}",), (LTD,), (2, 7), True),
)

# Entities of the social and solidarity economy: sign, class, activity, legal form, neighbourhood, workers, supplier.
SOCIAL = (
    ("La Cistella del Besòs", "47.11", "Cooperativa de consum", COOP, "70", 6, False),
    ("Queviures Cooperatius Roquetes", "47.11", "Cooperativa de consum", COOP, "50", 4, False),
    ("Forn Cooperatiu la Pau", "10.71", "Obrador de pa", COOP, "73", 11, True),
    ("L'Hort de la Trini", "01.13", "Horta ecològica", ASSOC, "57", 3, True),
    ("Menjars Meridiana", "56.22", "Menjador i càtering", EI, "55", 18, True),
    ("Càtering Bon Pastor", "56.21", "Càtering", EI, "59", 14, True),
    ("Roba Amiga Besòs", "47.79", "Roba de segona mà", EI, "70", 22, False),
    ("El Segon Fil", "47.79", "Roba de segona mà", EI, "57", 9, False),
    ("Bugaderia Ciutat Meridiana", "96.10", "Bugaderia", CET, "55", 31, True),
    ("Jardins i Neteja Besòs", "81.22", "Neteja", CET, "73", 54, True),
    ("Arts Gràfiques Sant Martí CET", "18.12", "Impremta", CET, "73", 26, True),
    ("Cafè del Centre Cívic", "56.30", "Bar", CET, "53", 7, False),
    ("Llibreria del Carrer Gran", "47.61", "Llibreria", COOP, "73", 5, False),
    ("Bicicletes Vallbona", "95.29", "Reparació de bicicletes", COOP, "56", 4, False),
    ("Reparem Junts", "95.22", "Reparació d'electrodomèstics", COOP, "54", 6, False),
    ("Cosidores de Baró de Viver", "14.21", "Taller de costura", COOP, "58", 8, True),
    ("Perruqueria Social Torre Baró", "96.21", "Perruqueria", ASSOC, "54", 3, False),
    ("Escola de Música de Roquetes", "85.52", "Escola de música", ASSOC, "50", 9, False),
    ("Fundació Besòs Educa", "85.69", "Reforç escolar", FOUND, "70", 12, False),
    ("Instal·lacions del Nord", "43.22", "Lampisteria", SLL, "55", 8, True),
    ("Fusteria la Verneda", "43.32", "Fusteria", SLL, "73", 6, False),
    ("Transport Solidari Besòs", "53.20", "Repartiment en bicicleta", COOP, "59", 10, True),
)

CHAINS = (
    ("Supermercats Tot a Prop", "47.11", "Queviures", "73", 640),
    ("Pizzes Volant", "56.11", "Restaurant", "70", 210),
)
