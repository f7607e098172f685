package server;

import com.openfaas.model.IHandler;
import java.io.IOException;

/** Starts the function, and says in one line why where it cannot. */
public final class Main {
    private static final String HANDLER = "com.openfaas.function.Handler";

    private Main() {}

    public static void main(String... none) throws IOException {
        try {
            begin(Settings.ofEnvironment(), handler());
        } catch (ReflectiveOperationException | LinkageError | RuntimeException broken) {
            Throwable why = broken.getCause() == null ? broken : broken.getCause();
            why.printStackTrace(System.out);
            System.out.println("the function cannot start: " + why);
            System.exit(1);
        }
    }

    private static IHandler handler() throws ReflectiveOperationException {
        return (IHandler) Class.forName(HANDLER).getDeclaredConstructor().newInstance();
    }

    private static void begin(Settings settings, IHandler handler) throws IOException {
        configure(settings);
        Server server = new Server(settings, handler);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(settings, server)));
        System.out.println("running on http://0.0.0.0:" + server.start());
    }

    /** What the JDK's server takes from nowhere else, before it is there. */
    private static void configure(Settings settings) {
        long reading = Settings.limit(settings.reading()) / 1000;
        long executing = Settings.limit(settings.executing()) / 1000;
        long writing = Settings.limit(settings.writing()) / 1000;
        // Else each answer on a connection that is kept waits for the client's kernel, 40 ms.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        // What a caller still sends when he is refused would be waited for.
        System.setProperty("sun.net.httpserver.drainAmount", "0");
        System.setProperty("sun.net.httpserver.idleInterval", "60");
        System.setProperty("sun.net.httpserver.maxIdleConnections", "4096");
        // The server itself refuses a body that is too slow; this ends a head that is.
        System.setProperty("sun.net.httpserver.maxReqTime", "" + (reading + 1));
        System.setProperty("sun.net.httpserver.maxRspTime", "" + (executing + writing + 1));
    }

    private static void end(Settings settings, Server server) {
        double seconds = settings.draining().toMillis() / 1000.0;
        System.out.println("Draining: no new connections in " + seconds + " s");
        try {
            server.drain();
        } catch (InterruptedException early) {
            Thread.currentThread().interrupt();
        }
        // The virtual machine would take the signal for a failure, and wait for its threads.
        Runtime.getRuntime().halt(0);
    }
}
