"""images/secantusdb: what the course relies on in the server that stands in for MongoDB"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bson.int64 import Int64
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from .mongo import SYSTEM, Mongo

UNAUTHORIZED, AUTHENTICATION_FAILED = 13, 18


@pytest.fixture(scope="module")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongo]:
    started = Mongo(tmp_path_factory.mktemp("mongo")).start()
    yield started
    started.end()


def test_every_user_of_the_secrets_gets_in(mongo: Mongo) -> None:
    for name in SYSTEM:
        with mongo.client(user=name.lower(), word=f"of-{name.lower()}") as client:
            client.admin.command("connectionStatus")
    with mongo.client() as client:
        assert client.app.entry.insert_one({"a": 1}).acknowledged


def test_nobody_else_gets_in(mongo: Mongo) -> None:
    with MongoClient(f"mongodb://127.0.0.1:{mongo.port}/?directConnection=true") as anyone:
        with pytest.raises(OperationFailure) as refused:
            anyone.app.entry.find_one()
        assert refused.value.code == UNAUTHORIZED
        with pytest.raises(OperationFailure):
            anyone.admin.command({"createUser": "me", "pwd": "x", "roles": ["root"]})
    with mongo.client(word="guessed") as guessing:
        with pytest.raises(OperationFailure) as refused:
            guessing.app.entry.find_one()
        assert refused.value.code == AUTHENTICATION_FAILED


def test_the_application_has_its_database_and_nothing_else(mongo: Mongo) -> None:
    with mongo.client() as client:
        for forbidden in (
            lambda: client.other.entry.insert_one({}),
            client.other.entry.find_one,
            lambda: client.admin.command({"createUser": "me", "pwd": "x", "roles": ["root"]}),
            lambda: client.admin.command("usersInfo"),
            client.list_database_names,
            lambda: client.admin.command("configureFailPoint", "failCommand", mode="off"),
        ):
            with pytest.raises(OperationFailure):
                forbidden()


def test_a_user_administrator_makes_users_of_one_database(mongo: Mongo) -> None:
    with mongo.client(user="user_admin", word="of-user_admin") as admin:
        roles = [{"role": "readWrite", "db": "ann-app"}]
        admin.admin.command({"createUser": "ann-app", "pwd": "x", "roles": roles})
    with mongo.client(user="ann-app", word="x", database="ann-app") as ann:
        ann["ann-app"].entry.insert_one({})
        with pytest.raises(OperationFailure):
            ann.app.entry.insert_one({})


def test_what_was_acknowledged_outlives_kill_9(tmp_path: Path) -> None:
    mongo = Mongo(tmp_path).start()
    acknowledged: list[int] = []

    def write(worker: int) -> None:
        with mongo.client() as client:
            for number in range(worker, 100_000, 4):
                try:
                    client.app.entry.insert_one({"_id": number, "text": "x" * 500})
                except PyMongoError:
                    return
                acknowledged.append(number)
                if len(acknowledged) == 200:
                    mongo.end(signal.SIGKILL)

    workers = [threading.Thread(target=write, args=[worker]) for worker in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert len(acknowledged) >= 200
    mongo.start()
    with mongo.client() as client:
        kept = {each["_id"] for each in client.app.entry.find({}, {"_id": 1})}
        assert set(acknowledged) <= kept
        # What was under way may be there as well, once.
        assert len(kept - set(acknowledged)) <= len(workers)
        assert client.app.entry.count_documents({"text": "x" * 500}) == len(kept)
    mongo.end()


def test_a_start_makes_users_of_what_the_secrets_say_now(tmp_path: Path) -> None:
    mongo = Mongo(tmp_path).start()
    with mongo.client() as client:
        client.app.entry.insert_one({"_id": 1})
    assert mongo.end(signal.SIGTERM) == 0
    mongo.say("application", "password", "another")
    mongo.start()
    with mongo.client(word="another") as client:
        assert client.app.entry.find_one() == {"_id": 1}
    with mongo.client() as client, pytest.raises(OperationFailure):
        client.app.entry.find_one()
    mongo.end()


def test_a_write_that_is_sent_again_counts_once(mongo: Mongo) -> None:
    """The driver sends a write again when the answer is lost."""
    command = {
        "findAndModify": "retried", "query": {"_id": 1}, "update": {"$push": {"all": 1}},
        "upsert": True, "new": True, "txnNumber": Int64(7),
    }  # fmt: skip
    with mongo.client() as client, client.start_session() as session:
        for _ in range(2):
            client.app.command(command, session=session)
        assert client.app.retried.find_one() == {"_id": 1, "all": [1]}
