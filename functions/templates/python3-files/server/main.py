"""The program of an image made with python3-files."""

from faas.service import run
from faas.uploads import Upload

run(
    Upload.read,
    MAX_BODY_BYTES=str(100 * 1024 * 1024),
    exec_timeout="60s",
    read_timeout="40s",
    write_timeout="40s",
)
