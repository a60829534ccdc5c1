"""Which column of a spreadsheet is which, in the words that plants use: German and English, and as people shorten them.

Decides where a header is and what its columns mean. Never looks at what stands below the header, and never takes one column
for two things: what it does not know is named, so that a person sees what was left aside.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

MAX_HEADER_ROW = 30  # titles and notes stand above a header, not pages
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})

# The best word first: where two columns fit, the earlier word decides. All in the form that `plain` gives them.
WORDS: dict[str, tuple[str, ...]] = {
    "address": ("url", "endpointurl", "endpoint", "endpunkt", "opcuaendpoint", "opcuaurl", "verbindung", "connection"),
    "host": (
        *("ip", "ipadresse", "ipaddress", "ipadr", "ipaddr", "ipv4", "ipv4adresse", "ipv4address", "iphostname", "ipv6"),
        *("host", "hostname", "hostip", "dnsname", "fqdn", "netzwerkadresse", "networkaddress", "adresse", "address"),
    ),
    "port": ("port", "tcpport", "ipport", "portnummer", "portnr", "portnumber"),
    "unit": (
        *("unitid", "unitadresse", "unitaddress", "unitnr", "modbusid", "modbusunitid", "modbusadresse", "modbusaddress"),
        *("slaveid", "slaveadresse", "slaveaddress", "slavenr", "slavenummer", "modbusslaveid", "modbusslaveadresse"),
        *("geraeteadresse", "deviceaddress", "stationsadresse", "teilnehmeradresse", "busadresse", "busaddress"),
    ),
    "protocol": ("protocol", "protokoll", "kommunikation", "communication", "feldbus", "fieldbus", "bus", "bussystem"),
    "line": (
        "serialport",
        "serielleschnittstelle",
        "comport",
        "seriellerport",
        "tty",
        "serialline",
        "schnittstelle",
        "interface",
    ),
    "baud": ("baud", "baudrate", "bitrate"),
    "parity": ("parity", "paritaet"),
    "path": ("path", "pfad", "endpointpath", "opcuapath"),
    "accept_risk": ("acceptrisk", "riskaccepted", "risikoakzeptiert"),
    "security": ("security", "opcuasecurity", "securitymode", "sicherheit", "sicherheitsmodus"),
    "deprecated_policies": ("deprecatedpolicies", "altepolicies", "sha1"),
    "username_file": ("usernamefile", "benutzerdatei", "userfile"),
    "user_certificate_file": ("usercertificatefile", "benutzerzertifikat", "usercertificate"),
    "user_key_file": ("userkeyfile", "benutzerschluessel", "userkey"),
    "id": (  # a plant's own key before a name, a name before an "ID", which is often a running number
        *("assetid", "anlagenkennzeichen", "betriebsmittelkennzeichen", "akz", "bmk", "kks", "tagname", "tag", "equipment"),
        *("assetname", "name", "geraetename", "devicename", "geraet", "device", "betriebsmittel", "stationsname"),
        *("geraetebezeichnung", "bezeichnung", "designation", "id"),
    ),
    "profile": ("profile", "profil", "registerprofil", "registerprofile", "registermap"),
    "role": (
        *("role", "rolle", "type", "typ", "devicetype", "geraetetyp", "geraeteart", "art", "funktion", "function"),
        *("kategorie", "category", "assettype", "assettyp", "klasse", "class"),
    ),
    "criticality": ("criticality", "kritikalitaet", "kritisch", "critical", "schutzbedarf", "prioritaet", "priority"),
    "location": (
        *("location", "standort", "einbauort", "aufstellungsort", "ort", "place", "bereich", "area", "halle", "hall"),
        *("gebaeude", "building", "raum", "room", "linie"),
    ),
    "register_id": (
        *("registerid", "ismsid", "isms", "ismsnr", "ismsnummer", "inventarnummer", "inventarnr", "inventorynumber"),
        *("inventoryid", "assetnumber", "assettag", "anlagennummer", "cmdbid", "cmdb"),
    ),
    "description": (
        *("description", "beschreibung", "bemerkung", "bemerkungen", "kommentar", "comment", "comments", "remark", "remarks"),
        *("notiz", "notes", "note", "hinweis", "info", "bezeichnung", "designation", "name"),
    ),
}
"""Key to the headings that mean it. `address` is a whole address, `host` an IP address or name, `line` a serial port."""

WHERE = frozenset({"address", "host", "line"})
"""Keys of which a list of devices has at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where the header of a table is and what it says.

    Attributes:
        row: The row that it ends in, from 0: devices stand below.
        columns: Key to column, from 0.
        titles: Key to the heading as it is written.
        unknown: Headings that mean nothing here, as they are written.
    """

    row: int
    columns: dict[str, int]
    titles: dict[str, str]
    unknown: tuple[str, ...]


def find_header(rows: Sequence[Sequence[str]]) -> Header | None:
    """Return the header that knows most columns, or None where nobody says where the devices are.

    A header may take two rows: a word that spans several columns ("Network") above their own, or a word that spans both rows.

    >>> find_header([["Device list"], ["Name", "IP-Adresse", "Farbe"]])
    Header(row=1, columns={'host': 1, 'id': 0}, titles={'host': 'IP-Adresse', 'id': 'Name'}, unknown=('Farbe',))
    """
    top = rows[:MAX_HEADER_ROW]
    single = [_header(number, row) for number, row in enumerate(top)]
    double = [
        _header(number, _combined(top[number - 1], top[number])) for number in range(1, len(top)) if _is_header(single[number])
    ]
    found = [header for header in (*single, *double) if WHERE & header.columns.keys() and _is_header(header)]
    return max(found, key=lambda header: len(header.columns), default=None)  # the first of equals: one row before two


def plain(heading: str) -> str:
    """Return a heading without what people write differently: case, umlauts, brackets, blanks and punctuation.

    >>> plain("Geräte-Typ (lt. Schild)*")
    'geraetetyp'
    """
    text = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", heading.lower().translate(_GERMAN))
    text = unicodedata.normalize("NFKD", text).translate(_GERMAN)
    return re.sub(r"[^a-z0-9]", "", text)


def _header(number: int, row: Sequence[str]) -> Header:
    """Read one row as a header; each column means at most one thing."""
    words = [_words(cell) for cell in row]
    free = {column for column, said in enumerate(words) if said}
    columns: dict[str, int] = {}
    for key, synonyms in WORDS.items():
        found = next((column for synonym in synonyms for column in sorted(free) if synonym in words[column]), None)
        if found is not None:
            columns[key] = found
            free.remove(found)
    titles = {key: " ".join(row[column].split()) for key, column in columns.items()}
    unknown = tuple(" ".join(row[column].split()) for column in sorted(free))
    return Header(row=number, columns=columns, titles=titles, unknown=unknown)


def _is_header(header: Header) -> bool:
    """Whether a row is more than one word of a device that happens to be a heading too."""
    return len(header.columns) > 1


def _words(cell: str) -> frozenset[str]:
    """What a heading says: as a whole, and in each half of "Standort / location". "id" may be left out."""
    said = {plain(part) for part in (cell, *cell.split("/"))} - {""}
    return frozenset(said | {f"{word}id" for word in said})


def _combined(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """Two rows as one header: the lower cell where it says something, else the upper one."""
    width = max(len(upper), len(lower))
    pairs = zip([*upper, *[""] * (width - len(upper))], [*lower, *[""] * (width - len(lower))], strict=True)
    return [below if below.strip() else above for above, below in pairs]
