package server;

import com.openfaas.model.IRequest;
import com.sun.net.httpserver.HttpExchange;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/** A request whose body has been read. */
final class Request implements IRequest {
    private final String method;
    private final URI address;
    private final byte[] body;
    private final Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);

    Request(HttpExchange exchange, byte[] content) {
        method = exchange.getRequestMethod();
        address = exchange.getRequestURI();
        body = content;
        exchange.getRequestHeaders().forEach((name, values) -> headers.put(name, values.get(0)));
    }

    @Override
    public String getMethod() {
        return method;
    }

    @Override
    public String getBody() {
        return new String(body, StandardCharsets.UTF_8);
    }

    @Override
    public byte[] getBodyData() {
        return body;
    }

    @Override
    public Map<String, String> getHeaders() {
        return headers;
    }

    @Override
    public String getHeader(String name) {
        return headers.get(name);
    }

    @Override
    public String getQueryRaw() {
        return address.getRawQuery() == null ? "" : address.getRawQuery();
    }

    @Override
    public Map<String, String> getQuery() {
        Map<String, String> query = new LinkedHashMap<>();
        for (String pair : getQueryRaw().split("&")) {
            String[] parts = pair.split("=", 2);
            if (!parts[0].isEmpty()) {
                query.putIfAbsent(decoded(parts[0]), parts.length > 1 ? decoded(parts[1]) : "");
            }
        }
        return query;
    }

    @Override
    public String getPathRaw() {
        return address.getPath();
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }
}
