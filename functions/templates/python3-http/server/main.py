"""The program of an image made with python3-http."""

from faas.events import Event
from faas.service import run

run(Event.read)
