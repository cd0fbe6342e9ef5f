"""Command line arguments (01 §5.3)."""

import pytest

from vmop.builders.args import arguments, flag, go_quoted, list_flag, prefixed_path


@pytest.mark.parametrize(
    ("generated", "extra", "dashes", "result"),
    [
        (["-b=1", "-a"], None, "-", ["-a", "-b=1"]),
        (["-b=1", "-b=2", "-a"], {"b": "3"}, "-", ["-a", "-b=3"]),
        (["-a=1"], {"a": ""}, "-", ["-a="]),
        (
            ["--graphiteListenAddr=:1"],
            {"graphiteListenAddr": ":2"},
            "-",
            ["--graphiteListenAddr=:1", "-graphiteListenAddr=:2"],
        ),
        (["--graphiteListenAddr=:1"], {"-graphiteListenAddr": ":2"}, "-", ["--graphiteListenAddr=:2"]),
        (["--a=1", "--b"], {"b": "x"}, "--", ["--a=1", "--b=x"]),
        (["-a.b=1", "-a=1", "--x", "-x"], {}, "-", ["--x", "-a.b=1", "-a=1", "-x"]),
        ([], {"rule": '/etc/*.yaml "a"'}, "-", ['-rule="/etc/*.yaml \\"a\\""']),
    ],
)
def test_extra_arguments_replace_generated_ones(
    generated: list[str], extra: dict[str, str] | None, dashes: str, result: list[str]
) -> None:
    assert arguments(generated, extra, dashes=dashes) == result


@pytest.mark.parametrize(
    ("values", "empty", "result"),
    [
        ([None, "b", None], "", ["-f=,b,"]),
        (["a", None, "c"], '""', ['-f=a,"",c']),
        ([None, None, True], "false", ["-f=false,false,true"]),
        ([None, ""], "", []),
        ([False, None], "false", []),
        ([], "", []),
        ([0, 5], "0", ["-f=0,5"]),
    ],
)
def test_one_value_a_target(values: list[object | None], empty: str, result: list[str]) -> None:
    assert list_flag("f", values, empty=empty) == result


@pytest.mark.parametrize(
    ("value", "result"),
    [(None, []), ("", []), ("a", ["-f=a"]), (0, ["-f=0"]), (True, ["-f=true"]), (False, ["-f=false"])],
)
def test_a_flag_with_a_value(value: object | None, result: list[str]) -> None:
    assert flag("f", value) == result


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a", '"a"'),
        ('"\\', '"\\"\\\\"'),
        ("\t\n", '"\\t\\n"'),
        ("\x01", '"\\x01"'),
        ("é", '"é"'),
        ("\u200b", '"\\u200b"'),
    ],
)
def test_quoting_as_go_does(text: str, quoted: str) -> None:
    assert go_quoted(text) == quoted


@pytest.mark.parametrize(
    ("prefix", "path"),
    [("", "/health"), ("/", "/health"), ("/p", "/p/health"), ("/a//b/", "/a/b/health"), ("x", "x/health")],
)
def test_paths_behind_the_prefix(prefix: str, path: str) -> None:
    assert prefixed_path({"http.pathPrefix": prefix}, "/health") == path
