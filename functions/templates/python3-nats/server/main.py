"""The program of an image made with python3-nats."""

from faas.messages import MessageEvent
from faas.service import run

run(MessageEvent.read)
