"""
`make up` and `make down`: a whole appliance in a container on this machine, for a trial.

Usage: python scripts/trial up|down
"""

import sys

from appliance import Trial
from demonstration import demonstrate
from failure import Failure
from preflight import require_machine
from screen import Screen

_LINES = r"""    . .cellar/env
    cheese=$(mktemp -d)
    cellar_trust .venv/bin/pip download --no-cache-dir --no-deps --dest "$cheese" \
        --index-url "$CELLAR_INDEX_URL" six
    cellar_intercept .venv/bin/uv pip install --no-cache --target "$cheese" six
    sleep 1; podman exec cellar-local tail -n 5 /var/log/cellar/access.log |
        sed -E 's/.*"door":"(\w*)".*"uri":"([^"]*)".*"cache":"(\w*)".*/\1 \3 \2/'
"""


def main(arguments: list[str]) -> int:
    """Run `up` or `down`; returns the exit status. Each failure is one sentence on stderr."""
    screen = Screen()
    try:
        match arguments:
            case ["up"]:
                require_machine()
                up(Trial(screen), screen)
            case ["down"]:
                require_machine()
                trial = Trial(screen)
                trial.require_ours()
                trial.remove()
                screen.say(
                    "The appliance and its network are gone. The base image, .venv and the wheel "
                    "cache stay, so that the next `make up` is fast; `make clean` removes them."
                )
                screen.end("Again: make up")
            case _:
                screen.fail("say `up` or `down`")
                return 2
    except Failure as failure:
        screen.fail(str(failure))
        return 1
    except KeyboardInterrupt:
        screen.fail("interrupted; run `make up` to go on, or `make down` to remove what is there")
        return 130
    return 0


def up(trial: Trial, screen: Screen) -> None:
    """Bring the appliance up unless it is, show what it saves, and leave `.cellar/env`."""
    if trial.is_current():
        screen.say("The appliance is up, and nothing changed since: no need to converge it.")
    else:
        trial.converge()
    trial.selftest()
    trial.write_env()
    demonstration = trial.demonstration() or trial.keep(demonstrate(trial, screen.say))
    screen.show(demonstration)
    screen.say(f"\nTry it from your own shell:\n\n{_LINES}")
    screen.end("Next: paste the lines above, or `make test`; `make down` removes the appliance.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
