"""What MinIO says of a new file."""

import json
import os
import re
from typing import NamedTuple
from urllib.parse import unquote_plus

from .invalid import Invalid

STORED = "s3:ObjectCreated:"
_NAME = re.compile(r"(\d{5})/(\d{1,15})\.xml", re.ASCII)


class News(NamedTuple):
    """A new file.

    :ivar at: when it was stored, in milliseconds since 1970, as its name says.
    """

    key: str
    place: str
    at: int


def read(body):
    """The file that an event is about.

    :raises Invalid: it is about something else.
    """
    try:
        said = json.loads(body)
        (record,) = said["Records"]
        about = record["s3"]
        bucket, key = about["bucket"]["name"], unquote_plus(about["object"]["key"])
        happened = str(said["EventName"])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as wrong:
        raise Invalid("this is no event of a bucket, as MinIO sends them") from wrong
    if not happened.startswith(STORED):
        raise Invalid(f"{happened} brings no new file")
    if bucket != os.environ["BUCKET"]:
        raise Invalid(f"the bucket {bucket} is not the one of forecasts")
    if not (named := _NAME.fullmatch(key)):
        raise Invalid("a forecast's file is called PLACE/MILLISECONDS.xml")
    return News(key, named[1], int(named[2]))
