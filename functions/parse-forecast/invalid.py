"""What cannot be used."""


class Invalid(Exception):
    """A message, or the file that it is about, is not what it should be; says why."""
