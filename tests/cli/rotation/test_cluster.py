"""What a kubelet says of what it has found ready."""

from core.cli.rotation.cluster import found_ready

SAID = """# HELP prober_probe_total [ALPHA] Cumulative number of a liveness, readiness or startup probe
# TYPE prober_probe_total counter
prober_probe_total{container="web",namespace="default",pod="web-1",pod_uid="u1",probe_type="Readiness",result="failed"} 2
prober_probe_total{container="web",namespace="default",pod="web-1",pod_uid="u1",probe_type="Readiness",result="successful"} 14
prober_probe_total{container="own",namespace="default",pod="own",pod_uid="u2",probe_type="Liveness",result="successful"} 3
prober_probe_total{container="new",namespace="default",pod="new",pod_uid="u3",probe_type="Readiness",result="failed"} 1
prober_probe_total{container="zero",namespace="a",pod="z",pod_uid="u4",probe_type="Readiness",result="successful"} 0
prober_probe_total{container="many",namespace="a",pod="m",pod_uid="u5",probe_type="Readiness",result="successful"} 1.2e+06
"""  # noqa: E501 # as it is said


def test_what_wasfound_ready_once_counts_and_nothing_else() -> None:
    assert found_ready(SAID) == {("u1", "web"), ("u5", "many")}
    assert found_ready("") == set()
