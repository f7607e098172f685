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

    private static final String NUMBER = "(\\d+\\.?\\d*|\\.\\d+)";
    private static final Pattern PART = Pattern.compile(NUMBER + "(ns|us|µs|ms|s|m|h)");

    static Settings ofEnvironment() {
        return new Settings(
                Integer.parseInt(text("PORT", "8080")),
                Long.parseLong(text("MAX_BODY_BYTES", "1048576")),
                duration("DRAIN_SECONDS", "1"),
                duration("exec_timeout", "10s"),
                duration("read_timeout", "10s"),
                duration("write_timeout", "10s"));
    }

    /** A limit in milliseconds; where there is none, longer than anybody waits. */
    static long limit(Duration limit) {
        return limit.isZero() ? Long.MAX_VALUE / 2_000_000 : limit.toMillis();
    }

    private static String text(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    /** A duration as Go writes it, such as 1m30s; a plain number means seconds, 0 no limit. */
    private static Duration duration(String name, String otherwise) {
        String value = text(name, otherwise);
        Matcher parts = PART.matcher(value.matches(NUMBER) ? value + "s" : value);
        double milliseconds = 0;
        int end = 0;
        while (parts.find() && parts.start() == end) {
            milliseconds += Double.parseDouble(parts.group(1)) * milliseconds(parts.group(2));
            end = parts.end();
        }
        if (end == 0 || end < value.length()) {
            throw new IllegalArgumentException(name + "=" + value + " is no duration; say 60s");
        }
        return Duration.ofNanos(Math.round(milliseconds * 1_000_000));
    }

    private static double milliseconds(String unit) {
        return switch (unit) {
            case "ns" -> 0.000_001;
            case "us", "µs" -> 0.001;
            case "ms" -> 1;
            case "s" -> 1000;
            case "m" -> 60_000;
            default -> 3_600_000;
        };
    }
}
