"""Stands in for programs: answers as a transcript says, and notes what it was asked.

It is put on PATH under the name of each program, beside ``transcript.json``.
"""

import json
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
question = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
transcript = json.loads((here / "transcript.json").read_text())

if question.startswith("kubectl "):
    words = sys.argv[1:]
    if words[0] == "--kubeconfig":
        words = words[2:]
    asked = " ".join(words)
    with (here / "kubectl.log").open("a") as log:
        log.write(f"{asked}\n")
    answers = transcript["kubectl"]
    known = [each for each in answers if asked.startswith(each)]
    if not known:
        sys.exit(f"the transcript has no answer to: kubectl {asked}")
    print(answers[max(known, key=len)])
    sys.exit()

noted = here / "asked.log"
so_far = noted.read_text().splitlines() if noted.exists() else []
noted.write_text("\n".join([*so_far, question]) + "\n")
steps = transcript["steps"]
expected = steps[len(so_far)] if len(so_far) < len(steps) else {"command": "nothing more"}
if question != expected["command"]:
    sys.exit(f"the transcript has here: {expected['command']}; this was asked: {question}")
sys.stdout.write(expected.get("stdout", ""))
sys.stderr.write(expected.get("stderr", ""))
sys.exit(expected.get("exit", 0))
