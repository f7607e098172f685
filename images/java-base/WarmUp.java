import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Answers one request of its own: the classes that this loads are those every function loads. */
public class WarmUp {
    public static void main(String... none) throws Exception {
        var here = new InetSocketAddress("127.0.0.1", 0);
        var server = HttpServer.create(here, 0);
        var executor = Executors.newCachedThreadPool();
        server.setExecutor(executor);
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            exchange.getResponseHeaders().set("Content-Type", "text/plain");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        try (var client = new Socket("127.0.0.1", server.getAddress().getPort())) {
            String request = "POST /?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
            client.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            executor.submit(() -> client.getInputStream().read()).get(10, TimeUnit.SECONDS);
        }
        server.stop(0);
        executor.shutdown();
    }
}
