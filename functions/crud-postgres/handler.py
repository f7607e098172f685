"""Devices report how they are, and read back what they reported."""

from .api import Request, Response, answer
from .rows import Rows

rows = Rows()


def handle(event, context):
    request = Request(event.method, event.path, event.headers, event.query, event.body)
    response: Response = answer(request, rows)
    return response._asdict()
