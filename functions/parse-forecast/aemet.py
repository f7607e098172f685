"""AEMET's files: a place's forecast for seven days, of which three are kept."""

import re
from datetime import UTC, date, datetime, timedelta
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from .invalid import Invalid

DAYS = 3
AHEAD = timedelta(days=1)
"""How far a file's own date may be ahead of this clock: zones, and clocks that differ."""
WHOLE_DAY = ("00-24", None)
"""The periods that stand for a day. The first days have several, later ones say no period."""
_WHOLE = re.compile(r"-?\d{1,4}", re.ASCII)
PERCENT, KILOMETRES, DEGREES = range(101), range(500), range(-90, 70)


def read(content):
    """A forecast.

    :param content: the bytes of a file, in the encoding that its head names.
    :returns: what is kept of it; numbers that the file leaves open are None, texts empty.
    :raises Invalid: it is no file of AEMET's, or not a whole one, or claims what cannot be.
    """
    try:
        # Definitions of entities, which can be bombs or name files of ours, are refused.
        root = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as wrong:
        raise Invalid("a forecast defines nothing") from wrong
    except (ParseError, LookupError, ValueError) as wrong:
        raise Invalid(f"this is no XML: {wrong}") from wrong
    place = root.get("id", "")
    if root.tag != "root" or not (place.isascii() and place.isdigit() and len(place) == 5):
        raise Invalid("this is no forecast of AEMET's")
    days = root.findall("prediccion/dia")
    if len(days) < DAYS:
        raise Invalid(f"a forecast has {DAYS} days or more, this has {len(days)}")
    return {
        "aemetid": place,
        "update": updated(text(root, "elaborado")),
        "name": known(text(root, "nombre"), "name"),
        "state": known(text(root, "provincia"), "province"),
        "prediccion": in_order([day(each) for each in days[:DAYS]]),
    }


def day(said):
    wind = whole(said, "viento")
    return {
        "date": dated(said.get("fecha", "")),
        "prob_precipitacion": number(chosen(said, "prob_precipitacion"), PERCENT),
        "estado_cielo": sky(said),
        "viento": {
            "direccion": text(wind, "direccion"),
            "velocidad": number(text(wind, "velocidad"), KILOMETRES),
        },
        "temperatura": {
            "max": number(text(said, "temperatura/maxima"), DEGREES),
            "min": number(text(said, "temperatura/minima"), DEGREES),
        },
    }


def in_order(days):
    """Days that follow each other."""
    first = date.fromisoformat(days[0]["date"])
    if [each["date"] for each in days] != [
        (first + timedelta(days=place)).isoformat() for place in range(DAYS)
    ]:
        raise Invalid("the days do not follow each other")
    return days


def whole(said, name):
    """The element for the whole day; where that is empty, as in the afternoon, another one."""
    found = said.findall(name)
    ranked = sorted(found, key=lambda each: each.get("periodo") not in WHOLE_DAY)
    return next(filter(says_something, ranked), ranked[0] if ranked else None)


def says_something(element):
    return any((each.text or "").strip() for each in element.iter())


def chosen(said, name):
    found = whole(said, name)
    return "" if found is None else (found.text or "").strip()


def sky(said):
    """What the sky looks like, in words."""
    found = whole(said, "estado_cielo")
    return "" if found is None else found.get("descripcion", "").strip()


def text(element, path):
    return "" if element is None else (element.findtext(path) or "").strip()


def known(said, what):
    if not said or len(said) > 100:
        raise Invalid(f"the {what} of the place is missing")
    return said


def number(said, possible):
    """A whole number; None where nothing is said."""
    if not said:
        return None
    # Python's own reading takes more for a number: `1_0`, and digits of every script.
    if not _WHOLE.fullmatch(said):
        raise Invalid(f"{said[:20]!r} is no whole number")
    value = int(said)
    if value not in possible:
        raise Invalid(f"{value} is not between {possible[0]} and {possible[-1]}")
    return value


def dated(said):
    try:
        return date.fromisoformat(said).isoformat()
    except ValueError as wrong:
        raise Invalid(f"{said[:20]!r} is no date") from wrong


def updated(said):
    """When the forecast was made, in Spain's time, to the second: texts that sort as times do."""
    try:
        at = datetime.fromisoformat(said).replace(tzinfo=None, microsecond=0)
    except ValueError as wrong:
        raise Invalid(f"{said[:30]!r} is no time") from wrong
    if at > datetime.now(UTC).replace(tzinfo=None) + AHEAD:
        # It would stand for ever, as newer than all that follow.
        raise Invalid(f"{at.isoformat()} is yet to come")
    return at.isoformat()
