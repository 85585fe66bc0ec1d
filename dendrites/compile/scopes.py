"""Names of a function's own, and of the functions inside it."""

import ast


def argument_list(node):
    """Names of arguments and their default expressions."""
    ordinary = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    named = [a.arg for a in node.args.kwonlyargs]
    n = len(node.args.defaults)
    defaults = dict(zip(ordinary[len(ordinary) - n :], node.args.defaults, strict=True))
    defaults |= {
        name: value
        for name, value in zip(named, node.args.kw_defaults, strict=True)
        if value is not None
    }
    return [*ordinary, *named], defaults


def inner_functions(function):
    """Arguments of the functions inside a function, by their names."""
    found = {}
    for node in ast.walk(function):
        if isinstance(node, ast.FunctionDef) and node is not function:
            found.setdefault(node.name, []).append(argument_list(node))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(argument_list(node.value))
    return found


def local_names(function):
    """Names that belong to a function's own scope."""
    arguments = function.args
    names = {
        a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    }
    names |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
    body = function.body if isinstance(function.body, list) else [function.body]
    left = list(body)
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif not isinstance(node, ast.Lambda):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                names.add(node.id)
            left += ast.iter_child_nodes(node)
    return names
