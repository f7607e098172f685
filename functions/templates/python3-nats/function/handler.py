def handle(event, context):
    """Take a message.

    event: body (bytes) of the message, the same as text; headers, method, query and path of the
        request that brought it
    context: hostname of the pod
    """
    print(event.text)
    return {"statusCode": 204}
