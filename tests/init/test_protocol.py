"""The two descriptions of one wire: protocol.h as the compiler lays it out, and core.linux.init."""

import subprocess
from pathlib import Path

from core.linux import init
from tests.support.pid1 import CHECKOUT

PROGRAM = """
#include <stddef.h>
#include <stdio.h>
#include "protocol.h"
#define SHOW(type) printf("%s %zu\\n", #type, sizeof(struct type))
#define AT(type, field) printf("%s.%s %zu\\n", #type, #field, offsetof(struct type, field))
int main(void)
{
    SHOW(ichor_request); SHOW(ichor_reply); SHOW(ichor_exit); SHOW(ichor_status);
    AT(ichor_exit, time_ns); AT(ichor_exit, pid); AT(ichor_status, spawner_pid); AT(ichor_status, watchdog);
    printf("ops %d %d %d %d %d %d %d %d %d %d\\n", ICHOR_PUT, ICHOR_GET, ICHOR_DROP, ICHOR_NAMES, ICHOR_EXITS,
           ICHOR_BEAT, ICHOR_REBOOT, ICHOR_POWEROFF, ICHOR_HALT, ICHOR_STATUS);
    printf("limits %d %d %s\\n", ICHOR_NAME, ICHOR_JOURNAL_PAGE, ICHOR_SOCKET);
}
"""


def test_both_sides_agree(tmp_path: Path) -> None:
    source, program = tmp_path / "show.c", tmp_path / "show"
    source.write_text(PROGRAM)
    subprocess.run(["gcc", f"-I{CHECKOUT}/ext/init", "-o", program, source], check=True)
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    assert lines == [
        f"ichor_request {init.REQUEST.size}",
        f"ichor_reply {init.REPLY.size}",
        f"ichor_exit {init.EXIT.size}",
        f"ichor_status {init.STATUS.size}",
        "ichor_exit.time_ns 40",
        "ichor_exit.pid 48",
        "ichor_status.spawner_pid 24",
        "ichor_status.watchdog 36",
        "ops " + " ".join(str(int(op)) for op in init.Op),
        f"limits {init.NAME} {init.PAGE} {init.SOCKET}",
    ]
