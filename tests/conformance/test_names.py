"""Names that the server makes, and writers that race."""

import asyncio
import re

from tests.support.clusters import Http


async def test_the_server_ends_a_name(http: Http) -> None:
    made = await http.ok("POST", "secrets", {"metadata": {"generateName": "a-"}})
    assert re.fullmatch(r"a-[bcdfghjklmnpqrstvwxz2456789]{5}", made["metadata"]["name"])
    assert made["metadata"]["generateName"] == "a-"


async def test_a_name_wins_over_its_beginning(http: Http) -> None:
    made = await http.ok("POST", "secrets", {"metadata": {"name": "b", "generateName": "a-"}})
    assert made["metadata"]["name"] == "b"


async def test_a_long_beginning_is_cut(http: Http) -> None:
    made = await http.ok("POST", "secrets", {"metadata": {"generateName": "a" * 70}})
    assert len(made["metadata"]["name"]) == 63


async def test_every_name_is_another(http: Http) -> None:
    made = await asyncio.gather(*(http.ok("POST", "secrets", {"metadata": {"generateName": "a"}}) for _ in range(20)))
    assert len({one["metadata"]["name"] for one in made}) == 20


async def test_of_writers_that_read_the_same_version_one_wins(http: Http) -> None:
    made = await http.ok("POST", "secrets", {"metadata": {"name": "a"}})
    version = made["metadata"]["resourceVersion"]
    bodies = [
        {"metadata": {"name": "a", "resourceVersion": version}, "data": {f"k{number}": "dg=="}} for number in range(5)
    ]
    answers = await asyncio.gather(*(http("PUT", "secrets/a", body) for body in bodies))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409, 409]


async def test_patches_without_a_version_all_win(http: Http) -> None:
    await http.ok("POST", "secrets", {"metadata": {"name": "a"}})
    patches = [{"data": {f"k{number}": "dg=="}} for number in range(5)]
    answers = await asyncio.gather(*(http("PATCH", "secrets/a", patch, kind="merge") for patch in patches))
    assert [answer.status for answer in answers] == [200] * 5
    assert sorted((await http.ok("GET", "secrets/a"))["data"]) == ["k0", "k1", "k2", "k3", "k4"]


async def test_of_creators_of_one_name_one_wins(http: Http) -> None:
    answers = await asyncio.gather(*(http("POST", "secrets", {"metadata": {"name": "a"}}) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409, 409]
