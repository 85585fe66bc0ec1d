"""Names of a function's own, and of the functions inside it."""

import ast
import copy

from dendrites.errors import ModelError


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


def place_arguments(call, inner, scopes) -> None:
    """Put keywords and defaults of a call into their places, which Numba ignores.

    Calls of other functions than those inside a function stay as they are.

    Parameters
    ----------
    call : ast.Call
    inner : dict
        Functions inside the function, see `inner_functions`.
    scopes : list of set of str
        Local names where the call stands.

    Raises
    ------
    ModelError
        If its arguments cannot be told one by one.
    """
    function = call.func
    if isinstance(function, ast.Name) and function.id in inner:
        found = inner[function.id]
        if len(found) > 1 and (call.keywords or any(f[1] for f in found)):
            raise ModelError(f"{function.id} is defined twice; give each its own name")
        arguments, defaults = found[0]
    elif isinstance(function, ast.Lambda):
        arguments, defaults = argument_list(function)
    else:
        return
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    if None in given or starred and (given or defaults):
        raise ModelError("Pass the arguments one by one, without * and **")
    for name in arguments[len(call.args) :]:
        if name not in given and name in defaults:
            default = defaults[name]
            names = {n.id for n in ast.walk(default) if isinstance(n, ast.Name)}
            if any(n in scope for scope in scopes for n in names):
                raise ModelError(
                    f"the default of {name!r} is not known outside; pass it"
                )
            given[name] = copy.deepcopy(default)
        if name in given:
            call.args.append(given.pop(name))
    call.keywords = [ast.keyword(name, value) for name, value in given.items()]
