"""What callers send becomes documents, and documents become what callers get."""

import json
import math
import re
from datetime import datetime

from bson import ObjectId

DEEPEST = 50
"""Objects and lists in each other; MongoDB itself takes a hundred."""
LARGEST = 2**63
"""Whole numbers have 64 bits."""
ID = re.compile("[0-9a-fA-F]{24}")


class Invalid(Exception):
    """What was sent cannot be used; says why."""


def identifier(text):
    """The id that a text stands for. An ObjectId matches nothing but itself."""
    if not isinstance(text, str) or not ID.fullmatch(text):
        raise Invalid("an id is 24 hexadecimal digits")
    return ObjectId(text)


def read(body, of=""):
    """The fields that a body gives a document.

    Its comments get ids; its own id is nobody's to choose.

    :param of: the id that it may name.
    """
    fields = parsed(body)
    if fields.pop("_id", of) != of:
        raise Invalid("_id is given by the server, and never changes")
    if "comments" in fields:
        comments = fields["comments"]
        if not isinstance(comments, list) or not all(isinstance(each, dict) for each in comments):
            raise Invalid("comments is a list of objects")
        fields["comments"] = [with_id(each) for each in comments]
    return fields


def comment(body):
    """The comment that a body is, with an id of its own."""
    fields = parsed(body)
    if "_id" in fields:
        raise Invalid("_id is given by the server")
    return with_id(fields)


def with_id(fields):
    """A comment with its id, a new one where it has none."""
    known = identifier(fields["_id"]) if "_id" in fields else ObjectId()
    return {**fields, "_id": known}


def parsed(body):
    """The JSON object that a body is, if a document can be made of it."""
    try:
        value = json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Invalid("the body is not JSON") from None
    if not isinstance(value, dict):
        raise Invalid("the body is not a JSON object")
    check(value)
    return value


def check(value, depth=0):
    """See that a value is data only: no operators, nothing that BSON does not have."""
    if depth > DEEPEST:
        raise Invalid(f"more than {DEEPEST} objects and lists in each other")
    if isinstance(value, dict):
        for key, inner in value.items():
            check_key(key)
            check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check(inner, depth + 1)
    elif isinstance(value, str):
        check_text(value)
    elif isinstance(value, int) and not -LARGEST <= value < LARGEST:
        raise Invalid("a whole number has more than 64 bits")
    elif isinstance(value, float) and not math.isfinite(value):
        raise Invalid("a number is too large")


def check_key(key):
    """MongoDB reads `$` as an operator, and a dot as the way to a field inside."""
    if not key or key.startswith("$") or "." in key or "\0" in key:
        raise Invalid("a key is empty, begins with $, or has a dot or a null character in it")
    check_text(key)


def check_text(text):
    """JSON can spell half of a character; no encoding can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid("a text has half a character in it") from None


def shown(value):
    """A value of the database as JSON has it."""
    if isinstance(value, dict):
        return {key: shown(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shown(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | str):
        return value
    # What others may have stored: NaN, which JSON lacks, and MongoDB's own types.
    return value if isinstance(value, float) and math.isfinite(value) else str(value)


def refuse(word):
    """NaN and Infinity, which Python would take and no other language."""
    raise ValueError(word)
