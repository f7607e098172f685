package com.openfaas.model;

import java.util.Map;

/** What the caller gets. */
public interface IResponse {
    int getStatusCode();

    void setStatusCode(int code);

    String getBody();

    void setBody(String body);

    byte[] getBodyData();

    void setBodyData(byte[] body);

    Map<String, String> getHeaders();

    String getHeader(String name);

    void setHeader(String name, String value);

    String getContentType();

    void setContentType(String type);
}
