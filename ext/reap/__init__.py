"""Children: spawn, wait for one, collect all."""

from ext.reap.reap import Dead, collect, spawn_process, start_time, wait

__all__ = ["Dead", "collect", "spawn_process", "start_time", "wait"]
