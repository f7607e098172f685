"""Invents forecasts: the same ones all day long, and others tomorrow."""

from datetime import timedelta
from random import Random
from xml.etree.ElementTree import Element, SubElement, tostring

PLACES = {
    "08019": ("Barcelona", "Barcelona"),
    "16130": ("Montalbo", "Cuenca"),
    "45081": ("Illescas", "Toledo"),
    "28079": ("Madrid", "Madrid"),
    "35024": ("Teguise", "Las Palmas"),
}
SKIES = {
    "11": "Despejado",
    "12": "Poco nuboso",
    "14": "Nuboso",
    "16": "Cubierto",
    "43": "Intervalos nubosos con lluvia escasa",
    "26": "Cubierto con lluvia",
    "71": "Intervalos nubosos con nieve",
    "81": "Niebla",
}
CALM = "C"
WINDS = ("N", "NE", "E", "SE", "S", "SO", "O", "NO", CALM)
PARTS = ("00-24", "00-12", "12-24", "00-06", "06-12", "12-18", "18-24")
DAYS = 7


def forecast(place, now):
    """A place's file, in the encoding that AEMET's have.

    :param now: when it is made, in the place's time.
    """
    name, province = PLACES[place]
    root = Element("root", id=place, version="1.0")
    for key, said in (
        ("elaborado", now.isoformat()), ("nombre", name), ("provincia", province),
    ):  # fmt: skip
        SubElement(root, key).text = said
    prediction = SubElement(root, "prediccion")
    for ahead in range(DAYS):
        add_day(prediction, place, now + timedelta(days=ahead), parts(ahead, now.hour))
    return tostring(root, encoding="ISO-8859-15", xml_declaration=True)


def parts(ahead, hour):
    """The periods of a day, and whether something is still to be said of each.

    The first two days have seven, the next two three, and the others only themselves.
    """
    if ahead > 3:
        return {None: True}
    of_the_day = PARTS if ahead < 2 else PARTS[:3]
    return {part: ahead > 0 or hour < starts(part) + 6 for part in of_the_day}


def starts(part):
    return int(part[:2])


def add_day(prediction, place, at, periods):
    invented = Random(f"{place} {at.date()}")  # noqa: S311 - it is weather
    day = SubElement(prediction, "dia", fecha=at.date().isoformat())
    for period, open_ in periods.items():
        named = {} if period is None else {"periodo": period}
        rain = SubElement(day, "prob_precipitacion", **named)
        code = invented.choice(list(SKIES))
        described = {"descripcion": SKIES[code] if open_ else ""}
        sky = SubElement(day, "estado_cielo", **named, **described)
        wind = SubElement(day, "viento", **named)
        direction, speed = SubElement(wind, "direccion"), SubElement(wind, "velocidad")
        # All is drawn, also for what is over: the rest of the day must not change.
        chance, blows = invented.randrange(0, 101, 5), invented.choice(WINDS)
        fast = invented.randrange(5, 60, 5)
        if open_:
            rain.text, sky.text, direction.text = str(chance), code, blows
            speed.text = "0" if blows == CALM else str(fast)
    lowest = invented.randint(-5, 18)
    temperature = SubElement(day, "temperatura")
    SubElement(temperature, "maxima").text = str(lowest + invented.randint(4, 14))
    SubElement(temperature, "minima").text = str(lowest)
