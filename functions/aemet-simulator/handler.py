"""Stands for AEMET where that cannot be reached: invented forecasts, in files of the same form."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from .weather import PLACES, forecast

MADRID = ZoneInfo("Europe/Madrid")
PATH = re.compile(r"/xml/municipios/localidad_(\d{5})\.xml", re.ASCII)


def handle(event, context):
    asked = PATH.fullmatch(event.path)
    if not asked or asked[1] not in PLACES:
        return error(404, "Not Found")
    if event.method != "GET":
        return error(405, "Method Not Allowed", Allow="GET")
    # Spain's time, without saying so, as AEMET's.
    now = datetime.now(MADRID).replace(tzinfo=None, microsecond=0)
    return {"body": forecast(asked[1], now), "headers": {"Content-Type": "text/xml"}}


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
