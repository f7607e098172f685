"""functions/download-forecast, parse-forecast, get-forecast, aemet-simulator: the whole way

MinIO and the database are real; the test carries MinIO's messages, so that it can lose, repeat and
reorder them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread
from typing import Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lab_helpers import functions
from lab_helpers._wait import NotYet, until

from . import s3
from .conftest import Server, Start
from .http import Answer, ask, request
from .mongo import Mongo
from .s3 import S3

PLACES = ("16130", "45081", "28079", "35024")
MADRID = "28079"
BUCKET = s3.MINE
TODAY = date(2026, 11, 23)
MIDNIGHT = "2026-11-23T00:00:00"


@dataclass
class Course:
    """All that the functions need, and the functions.

    :ivar at: the milliseconds that the next file gets for its name.
    """

    storage: S3
    mongo: Mongo
    parse: Server
    get: Server
    environment: dict[str, str]
    at: int = field(default=1_700_000_000_000)

    def put(self, content: bytes, place: str = MADRID, *, at: int | None = None) -> str:
        """Store a file as the download does, and return its name."""
        self.at += 1
        key = f"{place}/{self.at if at is None else at}.xml"
        self.storage.client().put_object(BUCKET, key, BytesIO(content), len(content))
        return key

    def tell(self, key: str, **changes: Any) -> Answer:
        """What MinIO says of a file, to the function."""
        about = {"bucket": {"name": BUCKET}, "object": {"key": quote_plus(key)}}
        told = {"EventName": "s3:ObjectCreated:Put", "Records": [{"s3": about}], **changes}
        return ask(self.parse.port, request("POST", "/", json.dumps(told).encode()))

    def bring(self, content: bytes, place: str = MADRID, *, at: int | None = None) -> Answer:
        return self.tell(self.put(content, place, at=at))

    def shown(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ask(self.get.port, request("GET", "/")).json
        return found

    def forget(self) -> None:
        with self.mongo.client() as client:
            client.get_default_database()["forecast"].delete_many({})


@pytest.fixture(scope="module")
def course(launch: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    storage = s3.minio(tmp_path_factory.mktemp("storage"))
    storage.start()
    storage.client().make_bucket(BUCKET)
    storage.add_user("function", "a secret of tests")
    mongo = Mongo(tmp_path_factory.mktemp("mongo")).start()
    secrets = tmp_path_factory.mktemp("secrets")
    held = {
        "mongodb-uri": mongo.uri(), "minio-access-key": "function",
        "minio-secret-key": "a secret of tests",
    }  # fmt: skip
    for name, text in held.items():
        (secrets / name).write_text(text)
    said = {
        "SECRETS_FOLDER": str(secrets), "S3_ENDPOINT": storage.address, "S3_REGION": s3.REGION,
        "BUCKET": BUCKET, "FORECAST_SOURCE": "simulated", "DRAIN_SECONDS": "0",
    }  # fmt: skip
    parse, get = (launch(functions.find(f"{name}-forecast"), **said) for name in ("parse", "get"))
    yield Course(storage, mongo, parse, get, said)
    mongo.end()
    storage.kill()


@pytest.fixture
def empty(course: Course) -> Course:
    course.forget()
    return course


@pytest.fixture(scope="module")
def simulator(launch: Start) -> Server:
    return launch(functions.find("aemet-simulator"), DRAIN_SECONDS="0")


def xml(
    update: str = MIDNIGHT, *, place: str = MADRID, name: str = "Madrid", first: date = TODAY,
    days: int = 7, day: str = "", head: str = '<?xml version="1.0" encoding="ISO-8859-15"?>',
) -> bytes:  # fmt: skip
    """A file in AEMET's form.

    :param day: what stands in each day.
    """
    dates = [(first + timedelta(days=ahead)).isoformat() for ahead in range(days)]
    listed = "".join(f'<dia fecha="{each}">{day}</dia>' for each in dates)
    return (
        f'{head}<root id="{place}"><elaborado>{update}</elaborado><nombre>{name}</nombre>'
        f"<provincia>Madrid</provincia><prediccion>{listed}</prediccion></root>"
    ).encode("ISO-8859-15")


def test_what_the_agency_says_is_downloaded_parsed_and_shown(
    empty: Course, simulator: Server, launch: Start
) -> None:
    agency = f"http://127.0.0.1:{simulator.port}"
    download = launch(
        functions.find("download-forecast"), AEMET_URL=agency,
        LOCALITIES=",".join((*PLACES, "99999")), **empty.environment,
    )  # fmt: skip
    done = ask(download.port, request("POST", "/")).json
    assert done.pop("99999") == {"error": "AEMET answers 404"}
    assert set(done) == set(PLACES)
    kept = {key: etag for _, key, etag in empty.storage.everything()}
    for place, etag in done.items():
        (key,) = (key for key, found in kept.items() if found == etag and key.startswith(place))
        assert re.fullmatch(rf"{place}/\d{{13}}\.xml", key)
        assert empty.tell(key).json["kept"] is True
    shown = empty.shown()
    assert {each["aemetid"] for each in shown} == set(PLACES)
    for each in shown:
        assert set(each) == {"aemetid", "update", "name", "state", "prediccion"}
        assert len(each["prediccion"]) == 3
        made = datetime.fromisoformat(each["update"]).replace(tzinfo=ZoneInfo("Europe/Madrid"))
        assert abs(datetime.now(UTC) - made) < timedelta(minutes=1)
        for day in each["prediccion"]:
            assert set(day) == {
                "date", "prob_precipitacion", "estado_cielo", "viento", "temperatura"
            }  # fmt: skip
            assert day["temperatura"]["min"] < day["temperatura"]["max"]
            assert day["estado_cielo"]
    answer = ask(empty.get.port, request("GET", "/"))
    assert answer.headers["x-forecast-source"] == "simulated"
    assert answer.headers["cache-control"] == "no-store"


PERIODS = """
<prob_precipitacion periodo="00-24"></prob_precipitacion>
<prob_precipitacion periodo="12-24">35</prob_precipitacion>
<estado_cielo periodo="00-24" descripcion=""></estado_cielo>
<estado_cielo periodo="12-24" descripcion="Nuboso">14</estado_cielo>
<viento periodo="00-24"><direccion/><velocidad/></viento>
<viento periodo="12-24"><direccion>SO</direccion><velocidad>20</velocidad></viento>
<temperatura><maxima>-1</maxima><minima>-12</minima></temperatura>"""
WHOLE = """
<prob_precipitacion>0</prob_precipitacion><estado_cielo descripcion="Despejado">11</estado_cielo>
<viento><direccion>C</direccion><velocidad>0</velocidad></viento>
<temperatura><maxima/><minima/></temperatura>"""
NOTHING: dict[str, Any] = {
    "prob_precipitacion": None, "estado_cielo": "",
    "viento": {"direccion": "", "velocidad": None}, "temperatura": {"max": None, "min": None},
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (PERIODS, {"prob_precipitacion": 35, "estado_cielo": "Nuboso",
                   "viento": {"direccion": "SO", "velocidad": 20},
                   "temperatura": {"max": -1, "min": -12}}),
        (WHOLE, {"prob_precipitacion": 0, "estado_cielo": "Despejado",
                 "viento": {"direccion": "C", "velocidad": 0},
                 "temperatura": {"max": None, "min": None}}),
        ("", NOTHING),
    ],
    ids=["several periods", "one without a name", "nothing"],
)  # fmt: skip
def test_a_day_is_read_whatever_periods_it_has(
    empty: Course, said: str, kept: dict[str, Any]
) -> None:
    assert empty.bring(xml(day=said)).code == 200
    ((shown,)) = empty.shown()
    assert shown["prediccion"][0] == {"date": TODAY.isoformat(), **kept}


def test_the_encoding_is_that_of_the_head(empty: Course) -> None:
    assert empty.bring(xml(name="Peñíscola, 5 €")).code == 200
    assert empty.shown()[0]["name"] == "Peñíscola, 5 €"


BOMB = "<!DOCTYPE r [" + "".join(
    f'<!ENTITY e{depth} "{f"&e{depth - 1};" * 10 if depth else "ha"}">' for depth in range(10)
) + "]>"  # fmt: skip
FILE = '<!DOCTYPE r [<!ENTITY e9 SYSTEM "file:///etc/hostname">]>'
REFUSED = {
    "empty": b"",
    "no XML": b"{}",
    "cut off": xml()[:-30],
    "a page": b"<html><body>Sorry</body></html>",
    "another place": xml(place="45081"),
    "no place": xml(place="x"),
    "no name": xml(name=""),
    "two days": xml(days=2),
    "a gap": xml().replace(b"2026-11-24", b"2026-11-25", 1),
    "no date": xml().replace(b"2026-11-24", b"tomorrow", 1),
    "no time": xml("soon"),
    "a time to come": xml((datetime.now(UTC) + timedelta(days=3)).isoformat()),
    "much rain": xml(day="<prob_precipitacion>101</prob_precipitacion>"),
    "no number": xml(day="<temperatura><maxima>9.5e3</maxima></temperatura>"),
    "a number of Python's": xml(day="<temperatura><maxima>1_0</maxima></temperatura>"),
    "a long number": xml(day=f"<temperatura><maxima>{'9' * 5000}</maxima></temperatura>"),
    "an encoding that is none": xml(head='<?xml version="1.0" encoding="nonsense"?>'),
    "a bomb": xml(head=BOMB, name="&e9;"),
    "a file of ours": xml(head=FILE, name="&e9;"),
    "huge": xml(day=" " * 200_000),
    "deep": b"<a>" * 100_000,
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_forecast_is_refused_with_a_reason_and_changes_nothing(
    course: Course, content: bytes
) -> None:
    course.forget()
    course.bring(xml())
    before = course.shown()
    answer = course.bring(content)
    assert answer.code == 422
    assert answer.error
    assert course.shown() == before
    assert course.bring(xml("2026-11-23T01:00:00")).json["kept"] is True


@pytest.mark.parametrize(
    "changes",
    [
        {"EventName": "s3:ObjectRemoved:Delete"},
        {"Records": []},
        {"Records": [{}]},
        {"Records": [{"s3": {"bucket": {"name": "others"}, "object": {"key": "28079/1.xml"}}}]},
        {"Records": [{"s3": {"bucket": {"name": BUCKET}, "object": {"key": "28079%2F1.txt"}}}]},
        {"Records": [{"s3": {"bucket": {"name": BUCKET}, "object": {"key": "../28079/1.xml"}}}]},
        {"Records": [{"s3": {"bucket": {"name": BUCKET}, "object": {"key": "28079/0.xml"}}}]},
    ],
)
def test_a_message_about_something_else_is_refused(course: Course, changes: Any) -> None:
    assert course.tell("28079/0.xml", **changes).code == 422


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=8))
@hypothesis_settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_in_whatever_order_files_come_the_newest_stays(
    course: Course, files: list[tuple[int, int]]
) -> None:
    course.forget()
    for hour, at in files:
        content = xml(f"2026-11-23T{hour:02}:00:00", name=f"Madrid {hour} {at}")
        assert course.bring(content, at=at).code == 200
    hour, at = max(files)
    (shown,) = course.shown()
    assert (shown["update"], shown["name"]) == (
        f"2026-11-23T{hour:02}:00:00",
        f"Madrid {hour} {at}",
    )


def test_many_at_once_leave_one_forecast_the_newest(empty: Course) -> None:
    keys = [empty.put(xml(f"2026-11-23T{hour:02}:00:00"), at=hour + 1) for hour in range(24)]
    threads = [Thread(target=empty.tell, args=(key,)) for key in (*keys, *reversed(keys))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (shown,) = empty.shown()
    assert shown["update"] == "2026-11-23T23:00:00"


def test_without_the_database_both_say_so_and_go_on_by_themselves(empty: Course) -> None:
    assert empty.bring(xml()).code == 200
    key = empty.put(xml("2026-11-23T05:00:00"))
    empty.mongo.end()
    assert empty.tell(key).code == 503
    refused = ask(empty.get.port, request("GET", "/"))
    assert (refused.code, refused.error) == (503, "the database does not answer")
    empty.mongo.start()

    def kept() -> None:
        if (answer := empty.tell(key)).code != 200:
            raise NotYet(f"{answer.code} {answer.body!r}")

    until("the function to find the database", kept, timeout=20)
    assert empty.shown()[0]["update"] == "2026-11-23T05:00:00"


def test_without_the_storage_it_says_so_and_goes_on_by_itself(empty: Course) -> None:
    key = empty.put(xml())
    empty.storage.kill()
    assert empty.tell(key).code == 503
    empty.storage.start()
    assert empty.tell(key).code == 200


class _Agency(BaseHTTPRequestHandler):
    """One that has a bad day: what it answers is in the place's number."""

    def do_GET(self) -> None:
        place = re.findall(r"\d+", self.path)[0]
        self.send_response(int(place[:3]))
        self.end_headers()
        self.wfile.write(b"x" * (int(place[3:]) * 2**18))

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("20000", "AEMET sends an empty file"),
        ("20009", "AEMET sends more than 1048576 bytes"),
        ("50001", "AEMET answers 500"),
        ("40401", "AEMET answers 404"),
    ],
)
def test_an_agency_with_a_bad_day_loses_nothing_of_the_others(
    course: Course, launch: Start, place: str, said: str
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Agency) as agency:
        Thread(target=agency.serve_forever, daemon=True).start()
        download = launch(
            functions.find("download-forecast"), LOCALITIES=f"{place}, 20001",
            AEMET_URL=f"http://127.0.0.1:{agency.server_port}/", **course.environment,
        )  # fmt: skip
        answer = ask(download.port, request("POST", "/"))
        agency.shutdown()
    assert answer.code == 200
    assert answer.json[place] == {"error": said}
    assert isinstance(answer.json["20001"], str)


def test_an_agency_that_is_not_there_is_a_failure(course: Course, launch: Start) -> None:
    download = launch(
        functions.find("download-forecast"), AEMET_URL=f"http://127.0.0.1:{s3.free_port()}",
        LOCALITIES="28079", **course.environment,
    )  # fmt: skip
    answer = ask(download.port, request("POST", "/"))
    assert answer.code == 502
    assert answer.json == {"28079": {"error": "AEMET cannot be reached: ConnectError"}}


@pytest.mark.parametrize("name", ["parse-forecast", "get-forecast", "aemet-simulator"])
def test_other_methods_and_paths_are_refused(course: Course, simulator: Server, name: str) -> None:
    port = {"parse-forecast": course.parse, "get-forecast": course.get}.get(name, simulator).port
    known = "/xml/municipios/localidad_28079.xml" if port == simulator.port else "/"
    answer = ask(port, request("DELETE", known))
    assert (answer.code, bool(answer.headers["allow"])) == (405, True)
    assert ask(port, request("GET", "/xml/municipios/localidad_28079.xml/x")).code == 404
