package server;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the environment says about how to serve. */
record Settings(
        int port,
        long longestBody,
        Duration draining,
        Duration executing,
        Duration reading,
        Duration writing) {

    private static final Pattern PART = Pattern.compile("(\\d+(?:\\.\\d+)?)(ms|s|m|h)");

    static Settings ofEnvironment() {
        return new Settings(
                Integer.parseInt(text("PORT", "8080")),
                Long.parseLong(text("MAX_BODY_BYTES", "1048576")),
                duration("DRAIN_SECONDS", "1"),
                duration("exec_timeout", "10s"),
                duration("read_timeout", "10s"),
                duration("write_timeout", "10s"));
    }

    /** How long a call may take, in milliseconds; without a limit, longer than anybody waits. */
    long longest() {
        return executing.isZero() ? Long.MAX_VALUE / 2_000_000 : executing.toMillis();
    }

    private static String text(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    /** A duration as Go writes it, such as 1m30s; a plain number means seconds. */
    private static Duration duration(String name, String otherwise) {
        String value = text(name, otherwise);
        Matcher parts = PART.matcher(value.matches("\\d+(\\.\\d+)?") ? value + "s" : value);
        double milliseconds = 0;
        int end = 0;
        while (parts.find() && parts.start() == end) {
            milliseconds += Double.parseDouble(parts.group(1)) * milliseconds(parts.group(2));
            end = parts.end();
        }
        if (end == 0 || !parts.hitEnd()) {
            throw new IllegalArgumentException(name + "=" + value + " is no duration; say 60s");
        }
        return Duration.ofMillis(Math.round(milliseconds));
    }

    private static int milliseconds(String unit) {
        return switch (unit) {
            case "ms" -> 1;
            case "s" -> 1000;
            case "m" -> 60_000;
            default -> 3_600_000;
        };
    }
}
