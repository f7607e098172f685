package com.openfaas.model;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** A response with code 200, no header and no body, until somebody sets them. */
public class Response implements IResponse {
    private static final String CONTENT_TYPE = "Content-Type";

    private final Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    private int statusCode = 200;
    private byte[] body = {};

    @Override
    public int getStatusCode() {
        return statusCode;
    }

    @Override
    public void setStatusCode(int code) {
        statusCode = code;
    }

    @Override
    public String getBody() {
        return new String(body, StandardCharsets.UTF_8);
    }

    @Override
    public void setBody(String text) {
        body = text.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public byte[] getBodyData() {
        return body;
    }

    @Override
    public void setBodyData(byte[] data) {
        body = data;
    }

    @Override
    public Map<String, String> getHeaders() {
        return Collections.unmodifiableMap(headers);
    }

    @Override
    public String getHeader(String name) {
        return headers.get(name);
    }

    @Override
    public void setHeader(String name, String value) {
        headers.put(name, value);
    }

    @Override
    public String getContentType() {
        return headers.get(CONTENT_TYPE);
    }

    @Override
    public void setContentType(String type) {
        headers.put(CONTENT_TYPE, type);
    }
}
