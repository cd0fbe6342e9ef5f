"""``vmop demo`` as CI runs it: the exit code is its verdict, the lines tell the story."""

import re
from pathlib import Path

import pytest

from tests.support.commands import command

pytestmark = pytest.mark.timeout(150)

STEP = re.compile(r" *[0-9.]+s   zone (zone-[ab]) +(\w+) +traffic: (\S+)")


def steps(lines: list[str]) -> list[tuple[str, str, str]]:
    """Zone, phase and traffic of each line that tells of a zone, repetitions left out."""
    found = [match.groups() for line in lines if (match := STEP.match(line))]
    return [(a, b, c) for i, (a, b, c) in enumerate(found) if i == 0 or found[i - 1] != (a, b, c)]


async def test_it_rolls_a_change_over_one_zone_at_a_time(tmp_path: Path) -> None:
    # twice the time that it promises: other tests share this machine
    async with command("demo", "--time-limit", "120", cwd=tmp_path) as demo:
        code, lines = await demo.end()
    assert code == 0, "\n".join(lines)
    assert lines[lines.index("3. The result") + 1 : -3] == [
        "  VMDistributed  my-distributed-cluster           operational",
        "  VMCluster      my-distributed-cluster-zone-a    operational",
        "  VMCluster      my-distributed-cluster-zone-b    operational",
        "  VMAgent        my-distributed-cluster-zone-a    operational",
        "  VMAgent        my-distributed-cluster-zone-b    operational",
        "  VMAuth         my-distributed-vmauth            operational",
    ]
    second = steps(lines[lines.index("2. Changing it: the change reaches one zone at a time") :])
    out = [zone for zone, _, traffic in second if traffic == "out"]
    assert sorted(set(out)) == ["zone-a", "zone-b"]
    assert out == sorted(out), "the zones were out of traffic one after the other"
    assert list((tmp_path / ".vmop").iterdir()) == [tmp_path / ".vmop" / "demo-operator.log"]


async def test_it_fails_with_a_reason_where_it_takes_too_long(tmp_path: Path) -> None:
    async with command("demo", "--time-limit", "0.1", cwd=tmp_path) as demo:
        code, lines = await demo.end()
    assert (code, lines[-1]) == (1, "The demo failed: not through after 0.1 s")
    assert list((tmp_path / ".vmop").iterdir()) == []
