"""Keeps documents, each with comments, in MongoDB."""

import sys

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from . import documents, store
from .documents import Invalid

COLLECTION = "entry"
ROOM = {"$expr": {"$lt": [{"$bsonSize": "$$ROOT"}, 4 * 2**20]}}
"""What a document must be like to be added to: MongoDB would take 16 MB, but not this memory."""


def handle(event, context):
    path = event.path.strip("/").split("/")
    allowed = methods(path)
    if not allowed:
        return error(404, "Not Found")
    if event.method not in allowed:
        return error(405, "Method Not Allowed", Allow=", ".join(allowed))
    try:
        return allowed[event.method](path, event.body)
    except Invalid as wrong:
        return error(400, str(wrong))
    except DuplicateKeyError:
        return error(409, "there is such a document already")
    except PyMongoError as wrong:
        if not store.is_away(wrong):
            raise
        print(f"{type(wrong).__name__}: {wrong}", file=sys.stderr)
        return error(503, "the database does not answer", **{"Retry-After": "1"})


def methods(path):
    """What can be done with a path: functions by their methods."""
    match path:
        case [""]:
            return {"GET": list_all, "POST": create}
        case [_]:
            return {"GET": read, "PUT": update, "DELETE": delete}
        case [_, "comments"]:
            return {"POST": add_comment}
        case [_, "comments", _]:
            return {"DELETE": remove_comment}
    return {}


def list_all(path, body):
    return answer(200, [documents.shown(each) for each in entries().find().sort("_id")])


def create(path, body):
    document = {"_id": ObjectId(), **documents.read(body)}
    try:
        entries().insert_one(document)
    except DuplicateKeyError:
        # Sent again after an answer was lost, it may be this very document that is there.
        if entries().find_one({"_id": document["_id"]}) is None:
            raise
    return answer(201, documents.shown(document))


def read(path, body):
    return found(entries().find_one({"_id": documents.identifier(path[0])}))


def update(path, body):
    chosen = {"_id": documents.identifier(path[0])}
    changes = documents.read(body, of=str(chosen["_id"]))
    if not changes:
        return found(entries().find_one(chosen))
    document = changed({**chosen, **ROOM}, {"$set": changes})
    return found(document) if document else refused(chosen)


def delete(path, body):
    return found(entries().find_one_and_delete({"_id": documents.identifier(path[0])}))


def add_comment(path, body):
    chosen, comment = {"_id": documents.identifier(path[0])}, documents.comment(body)
    # Sent again after an answer was lost, it is not to be there twice.
    new = {**chosen, "comments._id": {"$ne": comment["_id"]}}
    document = changed({**new, **ROOM}, {"$push": {"comments": comment}})
    if document is None:
        document = entries().find_one({**chosen, "comments._id": comment["_id"]})
    return found(document, 201) if document else refused(chosen)


def remove_comment(path, body):
    comment = {"_id": documents.identifier(path[2])}
    chosen = {"_id": documents.identifier(path[0]), "comments._id": comment["_id"]}
    return found(changed(chosen, {"$pull": {"comments": comment}}))


def entries():
    return store.database()[COLLECTION]


def changed(chosen, change):
    """The document after a change; None where there is none to change."""
    after = ReturnDocument.AFTER
    return entries().find_one_and_update(chosen, change, return_document=after)


def refused(chosen):
    """Why a document was not made larger: there is none, or it is large enough."""
    if entries().find_one(chosen, {"_id": 1}) is None:
        return error(404, "Not Found")
    return error(413, "the document is too large to be added to")


def found(document, code=200):
    if document is None:
        return error(404, "Not Found")
    return answer(code, documents.shown(document))


def answer(code, content):
    return {"statusCode": code, "body": content}


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
