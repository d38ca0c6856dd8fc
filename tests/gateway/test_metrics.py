"""What operators graph, when several workers count together."""

import os
import signal
import subprocess
import sys

WORKER = """
import sys
from meter.gateway import metrics
metrics.counted(metrics.CONSUMED, "item", "small").inc(5)
metrics.INFLIGHT.set(3)
metrics.show_policy("old")
metrics.show_policy("new")
print("ready", flush=True)
sys.stdin.read()
"""
READER = "from meter.gateway import metrics; print(metrics.exposition()[0].decode())"


def test_several_workers_count_together_and_the_dead_have_no_calls_in_progress(tmp_path):
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    workers = [subprocess.Popen([sys.executable, "-c", WORKER], env=environment, **pipes) for _ in range(2)]
    try:
        for worker in workers:
            assert worker.stdout.readline() == b"ready\n"
        workers[0].send_signal(signal.SIGKILL)
        workers[0].wait()
        read = subprocess.run([sys.executable, "-c", READER], env=environment, capture_output=True, check=True)
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()

    lines = read.stdout.decode().splitlines()
    assert 'credits_consumed_total{operation="item",plan="small"} 10.0' in lines
    assert "credits_calls_in_progress 3.0" in lines
    assert 'credits_policy_info{version="new"} 1.0' in lines
    assert 'credits_policy_info{version="old"} 0.0' in lines
