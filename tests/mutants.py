"""The changed places of a module that the mutation tester puts in, one at a time.

Mutated are comparisons, arithmetic, Boolean operators, numbers, conditions, minimum and maximum, sides and directions,
returned values, elements of lists, and statements of which only the effect counts. Messages, annotations, decorators and
assertions are left alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

PAIRS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
WORDS = {
    a: b
    for pair in ("min max", "any all", "argmin argmax", "minimum maximum", "left right", "higher lower", "floor ceil")
    for a, b in (pair.split(), pair.split()[::-1])
}
SKIPPED_FIELDS = {"annotation", "returns", "decorator_list", "op", "ops", "ctx"}
SKIPPED_NODES = (ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom)


@dataclass
class Mutant:
    """One changed place: ``new`` instead of a child of ``parent``; ``name`` tells both lines and does not move with them."""

    parent: ast.AST
    attribute: str
    index: int | None
    new: ast.AST
    line: int
    name: str = ""

    def exchange(self) -> None:
        """Put the new node in, or the old one back."""
        held = getattr(self.parent, self.attribute)
        if self.index is None:
            setattr(self.parent, self.attribute, self.new)
            self.new = held
        else:
            self.new, held[self.index] = held[self.index], self.new


def changed(node: ast.AST, **fields: object) -> ast.AST:
    """A copy of a node with other fields."""
    found = copy.copy(node)
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def alternatives(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in place of a node."""
    match node:
        case ast.Compare():
            for position, op in enumerate(node.ops):
                yield changed(node, ops=[*node.ops[:position], PAIRS[type(op)](), *node.ops[position + 1 :]])
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign() if type(node.op) in PAIRS:
            yield changed(node, op=PAIRS[type(node.op)]())
        case ast.UnaryOp() if not isinstance(node.op, ast.UAdd):
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield changed(node, value=not value)
        case ast.Constant(value=int(value) | float(value)):
            yield changed(node, value=value + 1)
        case ast.Constant(value=str(value)) if value in WORDS:
            yield changed(node, value=WORDS[value])
        case ast.Call(func=ast.Name(id=word)) if word in WORDS:
            yield changed(node, func=changed(node.func, id=WORDS[word]))
        case ast.Call(func=ast.Attribute(attr=word)) if word in WORDS:
            yield changed(node, func=changed(node.func, attr=WORDS[word]))
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield changed(node, value=ast.Constant(None))
        case ast.List(elts=[_, _, *_] as elements, ctx=ast.Load()):
            for position in range(len(elements)):
                yield changed(node, elts=[*elements[:position], *elements[position + 1 :]])
        case ast.comprehension(ifs=[_, *_]):
            yield changed(node, ifs=[])
    match node:
        case ast.If() | ast.IfExp() | ast.While() if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            yield changed(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Continue() | ast.AugAssign():
            yield ast.copy_location(ast.Pass(), node)


def mutants(tree: ast.Module) -> list[Mutant]:
    """All mutants of a module, named by their function and by the line before and after."""
    found: list[Mutant] = []

    def visit(node: ast.AST, where: str, line: int, statement: ast.AST) -> None:
        for name, value in ast.iter_fields(node):
            if name in SKIPPED_FIELDS or (isinstance(node, ast.Raise) and name == "exc"):
                continue
            for index, child in enumerate(value if isinstance(value, list) else [value]):
                if not isinstance(child, ast.AST) or isinstance(child, SKIPPED_NODES):
                    continue
                inner = f"{where}.{child.name}" if isinstance(child, ast.FunctionDef | ast.ClassDef) else where
                at = getattr(child, "lineno", line)
                around = child if isinstance(child, ast.stmt) else statement
                for new in alternatives(child) if where or isinstance(node, ast.Assign | ast.AnnAssign) else ():
                    mutant = Mutant(node, name, index if isinstance(value, list) else None, new, at)
                    holder = node if child is around else around
                    before = ast.unparse(holder).splitlines()
                    mutant.exchange()
                    after = ast.unparse(holder).splitlines()
                    mutant.exchange()
                    old, now = next(
                        (pair for pair in zip(before, after, strict=False) if pair[0] != pair[1]), (before[-1], "")
                    )
                    mutant.name = f"{inner.lstrip('.') or 'module'}: {old.strip()} => {now.strip()}"
                    found.append(mutant)
                visit(child, inner, at, around)

    visit(tree, "", 1, tree)
    return found
