"""An API for files: what is in buckets, uploads, links to download, and removal."""

from .files import Absent, Away, Files, Unusable

FILES = Files.from_environment()


def handle(event, context):
    bucket, _, name = event.path[1:].partition("/")
    answers = ON_OBJECT if name else ON_BUCKET if bucket else ON_ALL
    if event.method not in answers:
        return error(405, "Method Not Allowed", Allow=", ".join(answers))
    try:
        return answers[event.method](event, bucket, name)
    except Unusable as wrong:
        return error(400, str(wrong))
    except Absent:
        return error(404, "there is no such bucket or object, or it is none of this function's")
    except Away as wrong:
        print(f"The storage cannot be used: {wrong}")
        return error(503, "the storage does not answer; try again soon")


def buckets(event, bucket, name):
    return {"body": FILES.buckets()}


def objects(event, bucket, name):
    return {"body": FILES.objects(bucket)}


def store(event, bucket, name):
    files = [each for each in event.files if each.name == "file"]
    if len(files) != 1:
        return error(400, "send one file as multipart/form-data, in the field `file`")
    (sent,) = files
    return {"body": FILES.store(bucket, sent.filename, sent.file, sent.size, sent.content_type)}


def link(event, bucket, name):
    # Whoever has the link can read the object, so nobody on the way should keep it.
    headers = {"Location": FILES.link(bucket, name), "Cache-Control": "no-store"}
    return {"statusCode": 302, "headers": headers}


def remove(event, bucket, name):
    FILES.remove(bucket, name)
    return {"body": {"delete": True}}


ON_ALL = {"GET": buckets}
ON_BUCKET = {"GET": objects, "POST": store}
ON_OBJECT = {"GET": link, "DELETE": remove}


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
