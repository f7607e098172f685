package com.openfaas.model;

import java.util.Map;

/** What the caller sent. */
public interface IRequest {
    /** GET, POST and so on. */
    String getMethod();

    /** The body as text. What is not valid UTF-8 in it is replaced; {@link #getBodyData} has it. */
    String getBody();

    byte[] getBodyData();

    /** The first header of each name. */
    Map<String, String> getHeaders();

    /** A header, however its name is capitalised, or null. */
    String getHeader(String name);

    /** The query as it came, without the question mark, or an empty text. */
    String getQueryRaw();

    /** The query's parameters, decoded; of those that are given twice, the first. */
    Map<String, String> getQuery();

    /** The path below the function's own, decoded. */
    String getPathRaw();
}
