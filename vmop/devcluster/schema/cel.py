"""The part of CEL that validation rules of CRDs use: comparisons, logic, ``has``, ``size``, ``in``, macros and string
methods.

A rule is parsed once into closures. Evaluation errors (a missing key, types that do not compare) are
:class:`CelError`, which the server reports as the rule's failure.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<number>\d+\.\d+|\d+)|(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<op>&&|\|\||==|!=|<=|>=|[-+*/%!<>?:.,()\[\]{}]))"""
)
_KEYWORDS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}

Scope: TypeAlias = Mapping[str, Any]
Node: TypeAlias = Callable[[Scope], Any]


class CelError(Exception):
    """A rule that cannot be parsed, or that fails on this value."""


class Rule:
    """A parsed rule."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._parser = _Parser(text)
        self._node = self._parser.parse()

    @property
    def is_transition(self) -> bool:
        """Whether the rule speaks of ``oldSelf`` and so applies to updates only."""
        return "oldSelf" in self._parser.names

    def holds(self, value: Any, old: Any = None) -> bool:
        """Whether the rule is true of ``value``. CelError if it cannot be told."""
        outcome = self._node({"self": value, "oldSelf": old})
        if not isinstance(outcome, bool):
            raise CelError("cel expression evaluates to a value that is not a bool")
        return outcome


class _Parser:
    def __init__(self, text: str) -> None:
        self.names: set[str] = set()
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        position = 0
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if found is None:
                raise CelError(f"syntax error at {position}: {text}")
            position = found.end()
            self._tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))

    def parse(self) -> Node:
        node = self._ternary()
        if self._at < len(self._tokens):
            raise CelError(f"unexpected {self._tokens[self._at][1]}")
        return node

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self._peek()
        if token and token in wanted and self._tokens[self._at][0] != "string":
            self._at += 1
            return token
        return ""

    def _expect(self, wanted: str) -> None:
        if not self._take(wanted):
            raise CelError(f"expected {wanted}, got {self._peek() or 'the end'}")

    def _ternary(self) -> Node:
        condition = self._or()
        if not self._take("?"):
            return condition
        yes = self._ternary()
        self._expect(":")
        no = self._ternary()
        return lambda scope: yes(scope) if condition(scope) else no(scope)

    def _or(self) -> Node:
        node = self._and()
        while self._take("||"):
            node = _either(node, self._and(), decisive=True)
        return node

    def _and(self) -> Node:
        node = self._relation()
        while self._take("&&"):
            node = _either(node, self._relation(), decisive=False)
        return node

    def _relation(self) -> Node:
        node = self._sum()
        while operator := self._take("==", "!=", "<=", ">=", "<", ">", "in"):
            node = _binary(operator, node, self._sum())
        return node

    def _sum(self) -> Node:
        node = self._product()
        while operator := self._take("+", "-"):
            node = _binary(operator, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._unary()
        while operator := self._take("*", "/", "%"):
            node = _binary(operator, node, self._unary())
        return node

    def _unary(self) -> Node:
        if self._take("!"):
            inner = self._unary()
            return lambda scope: not inner(scope)
        if self._take("-"):
            negated = self._unary()
            return lambda scope: -negated(scope)
        return self._postfix(self._primary())

    def _postfix(self, node: Node) -> Node:
        while True:
            if self._take("."):
                node = self._member(node)
            elif self._take("["):
                index = self._ternary()
                self._expect("]")
                node = _index(node, index)
            else:
                return node

    def _member(self, node: Node) -> Node:
        name = self._name()
        if not self._take("("):
            return _index(node, lambda _: name)
        if name in _MACROS:
            variable = self._name()
            self._expect(",")
            body = self._ternary()
            self._expect(")")
            return _macro(name, node, variable, body)
        return _method(name, node, self._arguments(")"))

    def _name(self) -> str:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "the end")
        if kind != "name":
            raise CelError(f"expected a name, got {text}")
        self._at += 1
        return text

    def _arguments(self, close: str) -> list[Node]:
        arguments: list[Node] = []
        while not self._take(close):
            arguments.append(self._ternary())
            if not self._take(",") and self._peek() != close:
                raise CelError(f"expected {close}, got {self._peek() or 'the end'}")
        return arguments

    def _primary(self) -> Node:
        if self._take("("):
            node = self._ternary()
            self._expect(")")
            return node
        if self._take("["):
            items = self._arguments("]")
            return lambda scope: [item(scope) for item in items]
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "the end")
        self._at += 1
        match kind:
            case "number":
                number = float(text) if "." in text else int(text)
                return lambda _: number
            case "string":
                string = re.sub(r"\\(.)", r"\1", text[1:-1])
                return lambda _: string
            case "name" if text in _KEYWORDS:
                return lambda _: _KEYWORDS[text]
            case "name" if self._take("("):
                return self._call(text)
            case "name":
                self.names.add(text)
                return lambda scope: scope[text]
        raise CelError(f"unexpected {text}")

    def _call(self, name: str) -> Node:
        arguments = self._arguments(")")
        if name == "has" and len(arguments) == 1:
            return _has(arguments[0])
        return _method(name, arguments[0], arguments[1:]) if arguments else _unsupported(name)


def _either(left: Node, right: Node, *, decisive: bool) -> Node:
    """``||`` and ``&&``: one deciding side is enough, even if the other fails."""

    def node(scope: Scope) -> bool:
        try:
            if bool(left(scope)) == decisive:
                return decisive
        except CelError:
            if bool(right(scope)) == decisive:
                return decisive
            raise
        return bool(right(scope))

    return node


def _binary(operator: str, left: Node, right: Node) -> Node:
    def node(scope: Scope) -> Any:
        one, other = left(scope), right(scope)
        try:
            return _OPERATORS[operator](one, other)
        except (TypeError, ZeroDivisionError) as error:
            raise CelError(f"no such overload: {operator}") from error

    return node


def _index(node: Node, index: Node) -> Node:
    def get(scope: Scope) -> Any:
        value, key = node(scope), index(scope)
        try:
            return value[key]
        except KeyError:
            raise CelError(f"no such key: {key}") from None
        except (IndexError, TypeError):
            raise CelError(f"index out of bounds: {key}") from None

    return get


def _has(node: Node) -> Node:
    def node_has(scope: Scope) -> bool:
        try:
            node(scope)
        except CelError:
            return False
        return True

    return node_has


def _macro(name: str, node: Node, variable: str, body: Node) -> Node:
    def run(scope: Scope) -> Any:
        return _MACROS[name](node(scope), lambda item: body({**scope, variable: item}))

    return run


def _method(name: str, target: Node, arguments: list[Node]) -> Node:
    function = _METHODS.get(name)
    if function is None:
        return _unsupported(name)
    return lambda scope: function(target(scope), *(argument(scope) for argument in arguments))


def _unsupported(name: str) -> Node:
    raise CelError(f"undeclared reference to '{name}'")


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": lambda one, other: one == other and isinstance(one, bool) == isinstance(other, bool),
    "!=": lambda one, other: one != other or isinstance(one, bool) != isinstance(other, bool),
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "in": lambda one, other: one in other,
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: one // other if isinstance(one, int) else one / other,
    "%": lambda one, other: one % other,
}
_MACROS: Final[Mapping[str, Callable[[Any, Callable[[Any], Any]], Any]]] = {
    "all": lambda items, holds: all(holds(item) for item in items),
    "exists": lambda items, holds: any(holds(item) for item in items),
    "exists_one": lambda items, holds: sum(bool(holds(item)) for item in items) == 1,
    "filter": lambda items, holds: [item for item in items if holds(item)],
    "map": lambda items, of: [of(item) for item in items],
}
_METHODS: Final[Mapping[str, Callable[..., Any]]] = {
    "size": len,
    "startsWith": lambda text, prefix: text.startswith(prefix),
    "endsWith": lambda text, suffix: text.endswith(suffix),
    "contains": lambda text, part: part in text,
    "matches": lambda text, pattern: re.search(pattern, text) is not None,
    "int": int,
    "string": str,
    "double": float,
}
