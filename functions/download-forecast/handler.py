"""Gets the forecasts of some places from AEMET, and puts each into a bucket as it came."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from .agency import Agency, Unusable
from .files import Away, Files

PLACES = [each.strip() for each in os.environ.get("LOCALITIES", "").split(",") if each.strip()]


def handle(event, context):
    if event.path != "/":
        return error(404, "Not Found")
    if event.method != "POST":
        return error(405, "Method Not Allowed", Allow="POST")
    fetch = partial(keep, Agency.from_environment(), Files.from_environment())
    with ThreadPoolExecutor(max_workers=len(PLACES) or 1) as pool:
        done = dict(zip(PLACES, pool.map(fetch, PLACES), strict=True))
    # One that fails takes nothing away from the others. If all do, a later call may help.
    lost = done and all(isinstance(each, dict) for each in done.values())
    return {"statusCode": 502 if lost else 200, "body": done}


def keep(agency, files, place):
    """Store the forecast of a place: the entity tag of what is stored, or what went wrong."""
    try:
        return files.keep(place, agency.forecast(place))
    except (Unusable, Away) as wrong:
        print(f"{place}: {wrong}", file=sys.stderr)
        return {"error": str(wrong)}


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
