package com.openfaas.function;

import com.openfaas.model.AbstractHandler;
import com.openfaas.model.IRequest;
import com.openfaas.model.IResponse;
import com.openfaas.model.Response;

/** Sends back what came, or does what the path says. */
public class Handler extends AbstractHandler {
    @Override
    public IResponse Handle(IRequest request) throws InterruptedException {
        Response response = new Response();
        switch (request.getPathRaw()) {
            case "/fail":
                throw new IllegalStateException("a detail for the log");
            case "/header":
                response.setHeader("X-Bad", "one\r\ntwo");
                break;
            case "/nothing":
                response.setStatusCode(204);
                break;
            case "/sleep":
                Thread.sleep(Long.parseLong(request.getQuery().get("ms")));
                response.setBody("slept");
                break;
            case "/status":
                response.setStatusCode(Integer.parseInt(request.getQuery().get("code")));
                response.setBody("said");
                break;
            case "/null":
                return null;
            default:
                echo(request, response);
        }
        return response;
    }

    private static void echo(IRequest request, Response response) {
        String query = request.getQuery().getOrDefault("q", "");
        String sent = request.getHeader("x-sent") == null ? "" : request.getHeader("X-SENT");
        String seen = String.join(" ", request.getMethod(), request.getPathRaw(), query, sent);
        response.setContentType("application/octet-stream");
        response.setHeader("X-Seen", seen);
        response.setBodyData(request.getBodyData());
    }
}
