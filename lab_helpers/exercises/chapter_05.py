"""Chapter 05: a field for all, a user who only reads, and no two of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymongo.errors import OperationFailure

from .._exceptions import Hint
from ..checks import Exercise
from ..mongodb import COLLECTION, MongoDB, patiently

if TYPE_CHECKING:
    from .._lab import Lab

READER = "reader"
WORD = "only looking"
"""The password that the exercise asks for."""
PEOPLE = (
    {"name": "Ada Lovelace", "born": 1815},
    {"name": "Grace Hopper", "born": 1906},
    {"name": "Alan Turing", "born": 1912},
)
"""Who is in the collection when the exercises begin."""


def _judge_field(lab: Lab) -> str:
    with lab.mongodb() as store:
        entries = patiently(lambda: list(store.database[COLLECTION].find().limit(100)))
    if len(entries) < len(PEOPLE):
        raise Hint(f"{len(entries)} entries are left in the collection; there were more before")
    without = [each.get("name") for each in entries if "active" not in each]
    if without:
        raise Hint(
            f"{len(without)} of {len(entries)} entries have no field active, {without[0]} for one; "
            "update_one stops at the first that it finds"
            if len(without) < len(entries)
            else "no entry has a field active yet"
        )
    others = {repr(each["active"]) for each in entries} - {"True"}
    if others:
        raise Hint(
            f"active is {', '.join(sorted(others))} somewhere, and should be True everywhere"
        )
    lost = [each["_id"] for each in entries if "name" not in each]
    if lost:
        raise Hint(
            f"the entry {lost[0]} has lost its other fields; $set changes one and leaves them"
        )
    return f"all {len(entries)} entries have it"


def _judge_reader(lab: Lab) -> str:
    name = lab.name(READER)
    with lab.mongodb() as store:
        known = store.user(name)
        if known is None:
            raise Hint(f"there is no user {name!r}; userAdmin makes users, in the database admin")
        roles = {(each["role"], each["db"]) for each in known["roles"]}
        if roles != {("read", store.name)}:
            said = ", ".join(f"{role} in {db}" for role, db in sorted(roles)) or "nothing"
            raise Hint(f"{name} may do: {said}; it should be just read in {store.name}")
        return _logged_in(store, name)


def _logged_in(store: MongoDB, name: str) -> str:
    entries = store.client(name, WORD)[store.name][COLLECTION]
    try:
        count = patiently(lambda: entries.count_documents({}))
    except OperationFailure as refused:
        raise Hint(f"{name} does not get in with the password {WORD!r}") from refused
    try:
        patiently(lambda: entries.insert_one({"by": name}))
    except OperationFailure:
        return f"{name} sees {count} entries, and may not add one"
    raise Hint(f"{name} could add an entry")


def _judge_unique(lab: Lab) -> str:
    with lab.mongodb() as store:
        indexes = patiently(store.database[COLLECTION].index_information)
    of_name = {key: each for key, each in indexes.items() if each["key"][0][0] == "name"}
    if not of_name:
        raise Hint(f"the indexes are {', '.join(indexes)}; none of them is of the field name")
    if not any(_is_unique(each) for each in of_name.values()):
        raise Hint(f"the index {next(iter(of_name))} finds names quickly, but is not unique")
    faas = lab.openfaas()
    double = {"name": PEOPLE[0]["name"]}
    answer = faas.invoke("crud-mongo", double, quiet=True, patience=30)
    if answer.status_code != 409:
        raise Hint(f"the index is there, but a second {double['name']} got {answer.status_code}")
    return f"a second {double['name']} is refused: {answer.json()['error']}"


def _is_unique(index: dict[str, Any]) -> bool:
    return bool(index.get("unique")) and len(index["key"]) == 1


def _solve_field(lab: Lab) -> None:
    with lab.mongodb() as store:
        entries = store.database[COLLECTION]
        patiently(lambda: entries.update_many({}, {"$set": {"active": True}}))


def _solve_reader(lab: Lab) -> None:
    with lab.mongodb() as store:
        store.make_user(lab.name(READER), WORD, "read")


def _solve_unique(lab: Lab) -> None:
    with lab.mongodb() as store:
        entries = store.database[COLLECTION]

        def index() -> None:
            # One of the same field that is not unique is in the way.
            for name, each in entries.index_information().items():
                if each["key"] == [("name", 1)] and not _is_unique(each):
                    entries.drop_index(name)
            entries.create_index("name", unique=True)

        patiently(index)


EXERCISES = (
    Exercise("05/field", "every entry has the field active", _judge_field, _solve_field),
    Exercise("05/reader", "there is a user who only reads", _judge_reader, _solve_reader),
    Exercise("05/unique", "no two entries have the same name", _judge_unique, _solve_unique),
)
