package server;

/** A request that is answered with an error: its code, and what the caller is told. */
final class Failure extends Exception {
    private static final long serialVersionUID = 1;

    final int code;

    Failure(int code, String message) {
        super(message, null, false, false);
        this.code = code;
    }

    String json() {
        StringBuilder text = new StringBuilder("{\"error\": \"");
        for (char each : getMessage().toCharArray()) {
            if (each == '"' || each == '\\') {
                text.append('\\').append(each);
            } else if (each < ' ') {
                text.append(String.format("\\u%04x", (int) each));
            } else {
                text.append(each);
            }
        }
        return text.append("\"}").toString();
    }
}
