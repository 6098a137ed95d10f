"""The vocabulary of the demo programme. All names are invented."""

from __future__ import annotations

_listed = str.split

FIRST_NAMES = _listed(
    "Ada Amara Anselm Beatriz Bo Camille Cato Dagny Dario Edda Elio Esme Farah Felix Gwen Hana "
    "Hugo Ilse Imani Ines Ivo Jomo Juno Kalle Keiko Lars Leila Linnea Lucian Maeve Malik Marisol "
    "Mirela Nadia Nils Noor Odile Olu Orla Otis Paloma Petra Quill Rafi Renske Rosa Rui Saskia "
    "Selma Sorin Tamsin Teodor Thandi Tove Uma Vera Wanda Xavi Yara Zeno"
)
LAST_NAMES = _listed(
    "Abernethy Achterberg Adeyemi Albescu Almeida Arkwright Balogun Bellweather Birkeland "
    "Brannigan Cardew Castellane Chaudhri Corriveau Dahlgren Delacroix Dunmore Eklund Endicott "
    "Fairweather Ferreira Fontaine Galloway Greenhalgh Haldane Hathersage Hoshino Ibarra "
    "Ingersoll Jardine Kallas Kettering Kowalczyk Lachance Lindqvist Lovelock Maddox Mbeki "
    "Merriweather Moreau Nakagawa Northcote Oduya Okonjo Ostrander Pellegrin Penhaligon Quintero "
    "Ravensworth Rosendahl Sandoval Silvestri Strand Tanizaki Thistlewood Underhill Valdimarsson "
    "Vasquez Wetherby Winterbourne Yamauchi Zielinski"
)
TITLES = (
    "Director of Public Spaces",
    "Water Engineer",
    "Head of Libraries",
    "City Planner",
    "Energy Analyst",
    "Lead Designer",
    "Transport Researcher",
    "Community Organiser",
    "Chief Data Officer",
    "Landscape Architect",
    "Housing Programme Manager",
    "Senior Lecturer",
)
COMPANIES = (
    "Alder & Quay",
    "Brightwater Institute",
    "City of Harrowgate Bay",
    "Common Ground Studio",
    "Fernhill University",
    "Greyfriars Transit",
    "Harbour Light Trust",
    "Juniper Works",
    "Lantern Row Architects",
    "Millrace Energy",
    "Open Meadow Foundation",
    "Pelham Street Library",
    "Saltmarsh Labs",
    "Tidewell Council",
    "Windle & Sons Engineering",
)
TRACKS = (
    ("Water and Coast", "#0e7490"),
    ("Homes and Streets", "#b45309"),
    ("Energy", "#15803d"),
    ("Moving Around", "#7c3aed"),
    ("Public Life", "#be185d"),
    ("Tools and Data", "#1d4ed8"),
)
SUBJECTS = (
    ("floodplains", "tide gates", "rain gardens", "harbour baths", "the river edge"),
    ("back lanes", "co-operative housing", "school streets", "corner shops", "old warehouses"),
    ("district heating", "rooftop solar", "night-time demand", "heat pumps", "neighbourhood grids"),
    ("cargo bikes", "late buses", "ferry timetables", "quiet streets", "station squares"),
    ("branch libraries", "street markets", "winter parks", "small museums", "playgrounds"),
    ("open maps", "sensor networks", "citizen budgets", "planning records", "shared models"),
)
TITLE_FORMS = (
    "What {a} can teach us about {b}",
    "{A}: ten years on",
    "The case for {a}",
    "From {a} to {b}: a field guide",
    "{A} on a small budget",
    "Who looks after {a}?",
    "Measuring {a} without losing sight of {b}",
    "How one town rebuilt its {a}",
    "{A} & {b}: friends or rivals?",
    "Five mistakes we made with {a}",
)
# Sessions that are special in some way; one title for each time the demo has such a session.
SPECIAL_TITLES = {
    "undated": ("Poster hour", "Book exchange", "Open studio"),
    "past": (
        "Webinar: how to read a tide table",
        "Webinar: your first street count",
        "Webinar: heat maps for beginners",
    ),
    "midnight": ("Night walk along the harbour", "Stars over the pier", "The long night of maps"),
    "online": (
        "Online: a tour of the sluices",
        "Online: questions to the editors",
        "Online: planners around the world",
    ),
    "abstract": (
        "Submission: a street for bees",
        "Submission: benches, ranked",
        "Submission: the lost footpaths",
    ),
    "parent": ("Lightning talks: water", "Lightning talks: homes", "Lightning talks: energy"),
    "chaired": (
        "Round table: who pays for the sea wall?",
        "Round table: who owns the pavement?",
        "Round table: who reads the meters?",
    ),
    "untracked": ("Opening words & coffee", "Breakfast with the mayors", "Closing words & cake"),
}
DESCRIPTIONS = (
    "A practical account of three years' work on {a}, with the drawings and the bills.",
    "We look at {a} as those do who use them every day, and ask what {b} could learn from it.",
    "An honest talk about what went wrong with {a}, what was saved, and what we would do again.",
    "Bring a pencil: in small groups we redraw {a} for a street you know, then compare notes.",
)
CLOSINGS = (
    "You leave with a checklist and the numbers behind it.",
    "No prior knowledge is needed; questions are welcome throughout.",
    "Slides and data are shared under an open licence.",
    "The last twenty minutes belong to the audience.",
)
BIOS = (
    "{name} works on {a} at {company} and has a soft spot for {b}.",
    "Before joining {company}, {name} spent eight years restoring {a} along the coast.",
    "{name} writes and teaches about {a}, and keeps a public notebook on {b}.",
    "At {company}, {name} leads a team of six that looks after {a}.",
)
HOBBIES = (
    "On weekends there is usually a boat involved.",
    "Outside work: choir, sourdough and a very old dog.",
    "An enthusiastic, if slow, marathon runner.",
    "Currently learning to mend clocks.",
)
ROOMS = (
    ("Great Hall", 900),
    ("Lighthouse Room", 320),
    ("Boathouse", 240),
    ("Reading Room", 120),
    ("Orangery", 110),
    ("Chart Room", 80),
    ("Workshop One", 40),
    ("Workshop Two", 40),
    ("Garden Terrace", None),
)
TIERS = ("Platinum", "Gold", "Silver", "Bronze")
SPONSORS = _listed(
    "Alderbank Anchorage Bluestem Brackenfold Calloway Copperleaf Driftline Eastmere Fairlead "
    "Foxglove Glasswing Greywether Hazelwick Islay Kingfisher Larkspur Longshore Marlowe "
    "Millstone Nettlecombe Oakhanger Pebblebrook Quayside Rushmere Sandpiper Thornbury Umbra "
    "Westering Willowherb Yarrow"
)
SPONSOR_KINDS = ("Engineering", "Energy", "Software", "Instruments", "Mobility", "Press")
