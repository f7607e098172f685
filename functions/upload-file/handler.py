"""Says what the uploaded files are, without ever having one of them in memory."""

from hashlib import file_digest


def handle(event, context):
    if event.path != "/":
        return error(404, "Not Found")
    if event.method != "POST":
        return error(405, "Method Not Allowed", Allow="POST")
    if not event.files:
        return error(400, "the request has no files; send them as multipart/form-data")
    return {"statusCode": 200, "body": {"files": [described(each) for each in event.files]}}


def described(uploaded):
    return {
        "name": uploaded.filename,
        "size": uploaded.size,
        "sha256": file_digest(uploaded.file, "sha256").hexdigest(),
        "content_type": uploaded.content_type,
    }


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
