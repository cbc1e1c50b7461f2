"""`python -m rushlight --check program.py`: which names of PyTorch a program uses that Rushlight lacks.

The program is read, not run. Followed are imports of torch and torchvision with their aliases, chains of
attributes (`torch.nn.functional.relu`), names bound to modules (`F = torch.nn.functional`) and, recursively,
the program's own modules that lie beside it. Methods of tensors and modules cannot be seen this way.
"""

import ast
import importlib
import inspect
import os
import sys
from dataclasses import dataclass, field

from rushlight import _alias
from rushlight._missing import REASON


@dataclass
class Use:
    """One name of PyTorch at one place of the program."""

    file: str
    line: int
    name: str


@dataclass
class Scope:
    """What local names stand for: a dotted name of PyTorch, or None for anything else."""

    names: dict = field(default_factory=dict)
    parent: "Scope | None" = None

    def lookup(self, name):
        if name in self.names:
            return self.names[name]
        return self.parent.lookup(name) if self.parent else None


class Reader(ast.NodeVisitor):
    """Collects the uses in one file and the files that it imports."""

    def __init__(self, file):
        self.file = file
        self.uses = []
        self.imported = []
        self.scope = Scope()

    def use(self, node, name):
        self.uses.append(Use(self.file, node.lineno, name))

    # ---- names get their meaning

    def visit_Import(self, node):
        for alias in node.names:
            root = alias.name.partition(".")[0]
            if root in _alias.ROOTS:
                self.use(node, alias.name)
                self.scope.names[alias.asname or root] = alias.name if alias.asname else root
            else:
                self.scope.names[alias.asname or root] = None
                self.imported.append((0, alias.name))

    def visit_ImportFrom(self, node):
        module = node.module or ""
        ours = not node.level and module.partition(".")[0] in _alias.ROOTS
        if not ours:
            self.imported.append((node.level, module))
            self.imported += [(node.level, f"{module}.{alias.name}".lstrip(".")) for alias in node.names]
        for alias in node.names:
            if ours:
                self.use(node, module if alias.name == "*" else f"{module}.{alias.name}")
            self.scope.names[alias.asname or alias.name] = f"{module}.{alias.name}" if ours else None

    def bind(self, target, value):
        if isinstance(target, ast.Name):
            self.scope.names[target.id] = self.dotted(value) if value is not None else None
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self.bind(element, None)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, None)
        else:
            self.visit(target)

    def visit_Assign(self, node):
        self.visit(node.value)
        for target in node.targets:
            self.bind(target, node.value)

    def visit_AnnAssign(self, node):
        self.visit(node.annotation)
        if node.value:
            self.visit(node.value)
        self.bind(node.target, node.value)

    def visit_For(self, node):
        self.visit(node.iter)
        self.bind(node.target, None)
        for statement in node.body + node.orelse:
            self.visit(statement)

    visit_AsyncFor = visit_For

    def visit_function(self, node):
        arguments = node.args
        for part in [*arguments.defaults, *arguments.kw_defaults, *getattr(node, "decorator_list", [])]:
            if part is not None:
                self.visit(part)
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
        for part in [argument.annotation for argument in every] + [getattr(node, "returns", None)]:
            if part is not None:
                self.visit(part)
        if hasattr(node, "name"):
            self.scope.names[node.name] = None
        outer = self.scope
        self.scope = Scope({argument.arg: None for argument in every}, outer)
        for statement in node.body if isinstance(node.body, list) else [node.body]:
            self.visit(statement)
        self.scope = outer

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = visit_function

    # ---- uses

    def dotted(self, node):
        """The dotted name of PyTorch that an expression is, or None."""
        if isinstance(node, ast.Name):
            return self.scope.lookup(node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base else None
        return None

    def visit_Attribute(self, node):
        name = self.dotted(node)
        if name:
            self.use(node, name)
        else:
            self.visit(node.value)

    def visit_Call(self, node):
        if isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) == 2:
            base, attribute = self.dotted(node.args[0]), node.args[1]
            if base and isinstance(attribute, ast.Constant) and isinstance(attribute.value, str):
                self.use(node, f"{base}.{attribute.value}")
        self.generic_visit(node)


def local_file(level, module, importer, root):
    """The file of a module of the program itself, or None."""
    base = root
    if level:
        base = os.path.dirname(importer)
        for _ in range(level - 1):
            base = os.path.dirname(base)
    path = os.path.join(base, *module.split(".")) if module else base
    for candidate in (path + ".py", os.path.join(path, "__init__.py")):
        if os.path.isfile(candidate):
            return candidate
    return None


def read_program(path):
    """All uses in a program and in its own modules."""
    root, waiting, seen, uses = os.path.dirname(os.path.abspath(path)), [path], set(), []
    while waiting:
        file = waiting.pop()
        if os.path.realpath(file) in seen:
            continue
        seen.add(os.path.realpath(file))
        with open(file, "rb") as source:
            tree = ast.parse(source.read(), file)
        reader = Reader(file)
        reader.visit(tree)
        uses += reader.uses
        found = (local_file(level, module, os.path.abspath(file), root) for level, module in reader.imported)
        waiting += [os.path.relpath(f) if not os.path.isabs(path) else f for f in found if f]
    return uses


def lacking(name):
    """None if Rushlight has this name of PyTorch; else its first missing part and a reason or ""."""
    parts = name.split(".")
    value, known = None, parts[0]
    for i, part in enumerate(parts):
        known = ".".join(parts[: i + 1])
        if i and not (inspect.ismodule(value) or inspect.isclass(value)):
            return None  # an attribute of an instance: the program's affair
        try:
            value = importlib.import_module(_alias.ROOTS[part]) if i == 0 else getattr(value, part)
        except (ImportError, AttributeError):
            try:
                value = importlib.import_module(_alias.our_name(known))
            except ImportError:
                return known, ""
        reason = getattr(value, REASON, None)
        if isinstance(reason, str):
            return known, reason
    return None


def check(arguments):
    """Prints the report; the exit status: 0 when nothing is missing, 1 when something is, 2 otherwise."""
    if len(arguments) != 1:
        print("usage: python -m rushlight --check program.py", file=sys.stderr)
        return 2
    try:
        uses = read_program(arguments[0])
    except (OSError, SyntaxError) as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 2
    missing: dict[tuple[str, str], list[Use]] = {}
    for use in uses:
        found = lacking(use.name)
        if found:
            missing.setdefault(found, []).append(use)
    for (name, reason), places in sorted(missing.items()):
        where = ", ".join(dict.fromkeys(f"{use.file}:{use.line}" for use in places))
        print(f"{name}{f' ({reason})' if reason else ''}: {where}")
    names = len({use.name for use in uses})
    if missing:
        print(f"Rushlight lacks {len(missing)} of the {names} names of PyTorch that {arguments[0]} uses.")
        return 1
    print(f"Rushlight has all {names} names of PyTorch that {arguments[0]} uses.")
    return 0
