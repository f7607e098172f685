"""What calls a handler: the server, the event, the answer. A package, as a function may well have
modules called `events` or `settings` of its own."""
