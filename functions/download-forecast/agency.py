"""AEMET, Spain's weather agency: one file for each place."""

import os

import httpx

LARGEST = 2**20
"""Bytes. A file has some 30 kB."""
SECONDS = 8
"""For one file, its last byte included."""


class Unusable(Exception):
    """The agency gave no forecast; says why."""


class Agency:
    """The agency, or what stands for it.

    :param address: where its pages begin.
    """

    def __init__(self, address):
        self._address = address.rstrip("/")

    @classmethod
    def from_environment(cls):
        return cls(os.environ["AEMET_URL"])

    def forecast(self, place):
        """The bytes of a place's file. What is in them is for others to judge."""
        address = f"{self._address}/xml/municipios/localidad_{place}.xml"
        try:
            with httpx.stream("GET", address, timeout=SECONDS, follow_redirects=True) as answer:
                if not answer.is_success:
                    raise Unusable(f"AEMET answers {answer.status_code}")
                content = read(answer)
        except httpx.TimeoutException as late:
            raise Unusable(f"AEMET does not answer within {SECONDS} s") from late
        except httpx.HTTPError as failed:
            raise Unusable(f"AEMET cannot be reached: {type(failed).__name__}") from failed
        if not content.strip():
            raise Unusable("AEMET sends an empty file")
        return content


def read(answer):
    """What is sent, up to a bound: nobody knows beforehand how much that is."""
    content = bytearray()
    for part in answer.iter_bytes():
        content += part
        if len(content) > LARGEST:
            raise Unusable(f"AEMET sends more than {LARGEST} bytes")
    return bytes(content)
