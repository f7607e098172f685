def handle(event, context):
    """Answer a request.

    event: body (bytes), headers, method, query and path of the request
    context: hostname of the pod
    """
    return {
        "statusCode": 200,
        "body": "Hello from OpenFaaS!",
    }
