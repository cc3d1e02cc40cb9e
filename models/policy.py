"""The policy: ordered rules over an assessment, of which the first that matches decides the action."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, reduce
from operator import and_, or_
from typing import Any, Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.errors import PolicyError, nearest

Action = Literal["proceed", "review", "do_not_chase"]
ACTIONS: tuple[Action, ...] = get_args(Action)
"""In order of severity: a cap lowers an action to `review`, never raises it."""

Column = NDArray[np.generic] | float
Columns = Mapping[str, Column]
"""By name, numbers [n] or one for all: of a flag 0 or 1, of a text its place among those it may be, NaN if unknown."""

Names = Mapping[str, Sequence[str]]
"""What conditions may read: by name, the texts that a column stands for; none for numbers and flags."""

_COMPARE: dict[str, Callable[[Any, float], Any]] = {
    ">=": np.greater_equal,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": lambda column, literal: (column < literal) | (column > literal),  # unlike NaN != literal
    ">": np.greater,
    "<": np.less,
}
_CONDITION = re.compile(
    r"\s*(?P<negated>not\s+)?(?P<name>[^\s<>=!]+)\s*(?:(?P<sign>>=|<=|==|!=|>(?!=)|<(?!=))\s*(?P<literal>.+?))?\s*"
)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule matches when every condition of `all` holds and, if there is any, one of `any`."""

    name: str
    action: Action
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ordered rules; what no rule matches is let through by `proceed`."""

    rules: tuple[Rule, ...]

    @property
    def hash(self) -> str:
        return "sha256:" + hashlib.sha256(msgspec.json.encode(self.rules)).hexdigest()

    def compile(self, names: Names) -> CompiledPolicy:
        """Parse every condition against the `names` that assessments of this model have.

        Raises:
            PolicyError: a condition does not parse, reads an unknown name or never holds; a rule's name is there twice.
        """
        if len({rule.name for rule in self.rules}) < len(self.rules):
            raise PolicyError("two rules have the same name; a decision could not say which one made it")
        return CompiledPolicy(
            hash=self.hash,
            rules=tuple(
                CompiledRule(
                    name=rule.name,
                    action=ACTIONS.index(rule.action),
                    all=tuple(_parse(text, rule.name, names) for text in rule.all),
                    any=tuple(_parse(text, rule.name, names) for text in rule.any),
                )
                for rule in (*self.rules, PROCEED)
            ),
        )


PROCEED = Rule(name="default-proceed", action="proceed")

DEFAULT = Policy(
    rules=(
        Rule(
            name="default-do-not-chase",
            action="do_not_chase",
            all=("ltv_minus", "loss_probability >= 0.6", "net_negative_probability >= 0.8", "support >= 100"),
        ),
        Rule(name="default-review", action="review", any=("ltv_minus", "band == 'high'")),
    )
)


def read_policy(text: str) -> Policy:
    """Read `policy.toml`.

    Raises:
        PolicyError: the text is not TOML of `[[rules]]` with name, action and conditions.
    """
    try:
        return msgspec.toml.decode(text, type=Policy)
    except (msgspec.DecodeError, ValueError) as error:
        raise PolicyError(f"policy.toml: {error}; expected [[rules]] with name, action, all, any") from error


class Condition(msgspec.Struct, frozen=True):
    """A comparison of one column with a number. The unknown meets none, not even a negated one."""

    name: str
    compare: Callable[[Any, float], Any]
    literal: float

    def holds(self, columns: Columns) -> Any:
        return self.compare(columns[self.name], self.literal)


class CompiledRule(msgspec.Struct, frozen=True):
    """A rule with its conditions parsed."""

    name: str
    action: int
    all: tuple[Condition, ...]
    any: tuple[Condition, ...]

    @property
    def names(self) -> set[str]:
        """What its conditions read."""
        return {condition.name for condition in (*self.all, *self.any)}

    def matches(self, columns: Columns) -> Any:
        """Which of n prospects: bool [n], or one for all of them."""
        held = [condition.holds(columns) for condition in self.all]
        if self.any:
            held.append(reduce(or_, [condition.holds(columns) for condition in self.any]))
        return reduce(and_, held or [True])


class CompiledPolicy(msgspec.Struct, frozen=True, dict=True):
    """A policy ready to decide."""

    hash: str
    rules: tuple[CompiledRule, ...]

    @cached_property
    def _actions(self) -> NDArray[np.int64]:
        return np.array([rule.action for rule in self.rules])

    def decide(self, columns: Columns, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The index of the first rule that matches and its action, for each of n prospects. Shapes [n]."""
        last = len(self.rules) - 1
        rule = np.full(n, last)
        for position in reversed(range(last)):
            np.copyto(rule, position, where=self.rules[position].matches(columns))
        return rule, self._actions[rule]


def _parse(text: str, rule: str, names: Names) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise PolicyError(
            f"rule {rule!r}: cannot read {text!r}; write 'ltv_minus', 'not ltv_minus' or 'discount >= 0.3'"
        )
    name, sign = match["name"], match["sign"]
    if name not in names:
        raise PolicyError(
            f"rule {rule!r}: {name!r} in {text!r} is nothing that an assessment has{nearest(name, names)}"
        )
    if sign is not None and match["negated"]:
        raise PolicyError(f"rule {rule!r}: turn the sign around instead of 'not' in {text!r}")
    texts = names[name]
    if texts and sign not in ("==", "!="):
        raise PolicyError(f"rule {rule!r}: {name!r} in {text!r} is a text; compare it with == or !=")
    if sign is None:
        return Condition(name, np.equal, 0.0 if match["negated"] else 1.0)
    literal = _literal(match["literal"], text, rule)
    if isinstance(literal, str) != bool(texts):
        raise PolicyError(
            f"rule {rule!r}: {name!r} in {text!r} is {'a text' if texts else 'a number'}; compare like with like"
        )
    if isinstance(literal, str):
        if literal not in texts:
            hint = nearest(literal, texts) or f"; expected one of {', '.join(texts[:10])}"
            raise PolicyError(f"rule {rule!r}: {name!r} is never {literal!r}, as in {text!r}{hint}")
        literal = float(texts.index(literal))
    return Condition(name, _COMPARE[sign], literal)


def _literal(text: str, condition: str, rule: str) -> float | str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    try:
        number = {"true": 1.0, "false": 0.0}[text] if text in ("true", "false") else float(text)
    except ValueError:
        raise PolicyError(f"rule {rule!r}: {text!r} in {condition!r} is neither a number nor a quoted string") from None
    if not math.isfinite(number):
        raise PolicyError(f"rule {rule!r}: {text!r} in {condition!r} compares with nothing; write a number")
    return number
