package server;

import com.openfaas.model.IHandler;
import com.openfaas.model.IResponse;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/** Answers requests with a handler until the process is told to end, and loses none then. */
final class Server {
    /** Calls of the handler at the same time; others wait, and their time runs. */
    private static final int HANDLERS = 64;

    /** Of a body that is too long this much is read and dropped, as a multiple of the limit. */
    private static final int PATIENCE = 16;

    /** What the server says, as it knows better. */
    private static final List<String> OURS =
            List.of("Connection", "Content-Length", "Date", "Keep-Alive", "Transfer-Encoding");

    private final Settings settings;
    private final IHandler handler;
    private final HttpServer http;
    private final ThreadPoolExecutor handlers =
            new ThreadPoolExecutor(
                    HANDLERS, HANDLERS, 60, TimeUnit.SECONDS, new LinkedBlockingQueue<>());

    /** Its threads only wait for handlers, so the health check is answered in any case. */
    private final ExecutorService connections = Executors.newCachedThreadPool();

    private final AtomicInteger underWay = new AtomicInteger();
    private volatile boolean ending;

    Server(Settings settings, IHandler handler) throws IOException {
        this.settings = settings;
        this.handler = handler;
        handlers.allowCoreThreadTimeOut(true);
        http = HttpServer.create(new InetSocketAddress("0.0.0.0", settings.port()), 4096);
        http.setExecutor(this::count);
        http.createContext("/", this::answer);
        http.createContext("/_/health", exchange -> send(exchange, 200));
        http.createContext("/_/ready", exchange -> send(exchange, ending ? 503 : 200));
    }

    int start() {
        http.start();
        return http.getAddress().getPort();
    }

    /** Goes on for a while, asking each client to connect anew, then ends what is under way. */
    void drain() throws InterruptedException {
        ending = true;
        TimeUnit.MILLISECONDS.sleep(settings.draining().toMillis());
        long most = Settings.limit(settings.reading()) + Settings.limit(settings.executing());
        Thread closing = new Thread(() -> http.stop((int) Math.min(most / 1000, 3600)));
        closing.setDaemon(true);
        closing.start();
        // Who has connected already may still be about to ask.
        do {
            TimeUnit.MILLISECONDS.sleep(100);
        } while (underWay.get() > 0 && closing.isAlive());
    }

    /** Runs what the HTTP server has to do for a request, from the first byte to the last. */
    private void count(Runnable exchange) {
        underWay.incrementAndGet();
        connections.execute(
                () -> {
                    try {
                        exchange.run();
                    } finally {
                        underWay.decrementAndGet();
                    }
                });
    }

    private void answer(HttpExchange exchange) throws IOException {
        byte[] body;
        int code;
        try {
            IResponse response = handle(new Request(exchange, bodyInTime(exchange)));
            body = response.getBodyData();
            code = head(response, exchange.getResponseHeaders());
        } catch (Failure failure) {
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            body = failure.json().getBytes(StandardCharsets.UTF_8);
            code = failure.code;
        }
        send(exchange, code, body);
    }

    /** Takes the headers over and returns the code, or fails where one of them is none. */
    private static int head(IResponse response, Headers headers) throws Failure {
        int code = response.getStatusCode();
        try {
            if (code < 200 || code > 599) {
                throw new IllegalArgumentException(code + " is no status");
            }
            response.getHeaders().forEach(new Headers()::set);
        } catch (IllegalArgumentException wrong) {
            throw failed(wrong);
        }
        headers.set("Content-Type", "text/plain; charset=utf-8");
        response.getHeaders().forEach(headers::set);
        OURS.forEach(headers::remove);
        return code;
    }

    /** The body; what comes after the limit is dropped, as who still sends reads no answer. */
    private byte[] body(HttpExchange exchange) throws IOException, Failure {
        long limit = settings.longestBody();
        String told = exchange.getRequestHeaders().getFirst("Content-Length");
        if (told == null || Long.parseLong(told) <= limit * PATIENCE) {
            InputStream input = exchange.getRequestBody();
            byte[] body = input.readNBytes((int) limit);
            if (input.read() < 0) {
                return body;
            }
            drop(input, limit * PATIENCE);
        }
        exchange.getResponseHeaders().set("Connection", "close");
        throw new Failure(413, "the body is longer than " + limit + " bytes");
    }

    private static void drop(InputStream input, long most) throws IOException {
        byte[] dropped = new byte[16_384];
        int length = 0;
        for (long left = most; left > 0 && length >= 0; left -= length) {
            length = input.read(dropped);
        }
    }

    /** The body, or a failure where it does not arrive in time; who has none is not held up. */
    private byte[] bodyInTime(HttpExchange exchange) throws IOException, Failure {
        Headers headers = exchange.getRequestHeaders();
        if (!headers.containsKey("Content-Length") && !headers.containsKey("Transfer-Encoding")) {
            return new byte[0];
        }
        Future<byte[]> reading = connections.submit(() -> body(exchange));
        try {
            return reading.get(Settings.limit(settings.reading()), TimeUnit.MILLISECONDS);
        } catch (ExecutionException raised) {
            if (raised.getCause() instanceof Failure) {
                throw (Failure) raised.getCause();
            }
            throw new IOException(raised.getCause());
        } catch (TimeoutException | InterruptedException late) {
            exchange.getResponseHeaders().set("Connection", "close");
            throw new Failure(408, "the body took too long to arrive");
        }
    }

    private IResponse handle(Request request) throws Failure {
        Future<IResponse> running = handlers.submit(() -> handler.Handle(request));
        try {
            IResponse response = running.get(Settings.limit(settings.executing()), TimeUnit.MILLISECONDS);
            return Objects.requireNonNull(response, "the handler returned null");
        } catch (TimeoutException late) {
            running.cancel(true);
            double seconds = settings.executing().toMillis() / 1000.0;
            Failure failure = new Failure(504, "the function ran for longer than " + seconds + " s");
            System.out.println(failure.getMessage());
            throw failure;
        } catch (ExecutionException raised) {
            throw failed(raised.getCause());
        } catch (InterruptedException | NullPointerException wrong) {
            throw failed(wrong);
        }
    }

    /** The log gets the stack trace, the caller nothing of it. */
    private static Failure failed(Throwable why) {
        why.printStackTrace(System.out);
        return new Failure(500, "the function failed");
    }

    private void send(HttpExchange exchange, int code, byte... body) throws IOException {
        if (ending) {
            exchange.getResponseHeaders().set("Connection", "close");
        }
        boolean bare = code == 204 || code == 304 || "HEAD".equals(exchange.getRequestMethod());
        boolean empty = bare || body.length == 0;
        exchange.sendResponseHeaders(code, empty ? -1 : body.length);
        if (!empty) {
            exchange.getResponseBody().write(body);
            exchange.getResponseBody().flush();
        }
        exchange.close();
    }
}
