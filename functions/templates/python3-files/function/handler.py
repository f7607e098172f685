def handle(event, context):
    """Answer a request that brings files.

    event: files of the form, each with name, filename, content_type, size and file; form, its
        other fields; body (bytes) where the request is no form; headers, method, query, path
    context: hostname of the pod
    """
    return {
        "statusCode": 200,
        "body": {each.filename: each.size for each in event.files},
    }
