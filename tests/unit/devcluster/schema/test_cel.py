"""The rules of CEL that CRDs use."""

from typing import Any

import pytest

from vmop.devcluster.schema.cel import CelError, Rule


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("self.a == 1 && !(self.b in ['x', \"y\"])", {"a": 1, "b": "z"}, True),
        ("has(self.a) || has(self.b)", {"b": 1}, True),
        ("has(self.a.b)", {"a": {}}, False),
        ("self.gone == 1 || true", {}, True),
        ("self.gone == 1 && false", {}, False),
        ("size(self) <= 2 ? self[0] < 2 : false", [1, 3], True),
        ("self.all(x, x > 0) && self.exists(x, x == 3)", [1, 3], True),
        ("self.exists_one(x, x == 1)", [1, 1], False),
        ("self.filter(x, x > 1).map(x, x * 2) == [6]", [1, 3], True),
        ("self.startsWith('a') && self.endsWith('c') && self.contains('b') && self.matches('^a.c$')", "abc", True),
        ("self + 1 - 2 == 6 / 2 && 7 % 4 == 3 && -1 < 0", 4, True),
        ("int('4') == 4 && string(4) == '4' && 0.5 >= double('0.5') && null == null", None, True),
        ("1.0 / 2.0 == 0.5", None, True),
        ("true != 1", None, True),
        ("'it\\'s' == self", "it's", True),
    ],
)
def test_a_rule_is_true_or_not(rule: str, value: Any, expected: bool) -> None:
    assert Rule(rule).holds(value) is expected


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        ("self.a == 1", {}, "no such key: a"),
        ("self[3] == 1", [1], "index out of bounds: 3"),
        ("self < 'a'", 1, "no such overload: <"),
        ("self.gone == 1 || false", {}, "no such key: gone"),
        ("self", 1, "cel expression evaluates to a value that is not a bool"),
    ],
)
def test_a_rule_may_fail_on_a_value(rule: str, value: Any, message: str) -> None:
    with pytest.raises(CelError, match=message.replace("[", r"\[")):
        Rule(rule).holds(value)


@pytest.mark.parametrize(
    "rule", ["self ==", "self.", "(self", "a b", "self.foo()", "f()", "[1 2]", "self # 1", "size(1"]
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(CelError):
        Rule(rule)


def test_a_rule_that_speaks_of_the_old_value_is_a_transition_rule() -> None:
    assert [Rule(text).is_transition for text in ("self == oldSelf", "self == 1")] == [True, False]
