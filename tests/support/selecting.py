"""Documents drawn from the schema: a field with all that can be selected below it, and all places for ids."""

from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

_DEEPEST = 4


def selection(kind: GraphQLNamedType, schema: GraphQLSchema, depth: int = 1) -> str:
    """Return a selection of everything that needs no argument; in a union, under names that no two members share."""
    if is_leaf_type(kind):
        return ""
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        members = schema.get_possible_types(kind)
        parts = (f"... on {each.name} {{ {_fields(each, schema, depth, f'{each.name}_')} }}" for each in members)
        return f"{{ __typename {' '.join(parts)} }}"
    return f"{{ __typename {_fields(kind, schema, depth)} }}"


def _fields(kind: GraphQLNamedType, schema: GraphQLSchema, depth: int, alias: str = "") -> str:
    assert isinstance(kind, GraphQLObjectType)
    found = []
    for name, field in kind.fields.items():
        below = get_named_type(field.type)
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if is_leaf_type(below) or depth < _DEEPEST:
            label = f"{alias}{name}: " if alias else ""
            found.append(f"{label}{name} {selection(below, schema, depth + 1)}")
    return " ".join(found)


def places(schema: GraphQLSchema, kinds: frozenset[str], cursors: frozenset[str]) -> dict[str, str]:
    """Return the types of all arguments of these types, and of text by these names, by where they are given."""
    found = {}
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                for path, type_ in _arguments(field.args):
                    if type_ in kinds or (type_ == "String" and path.rpartition(".")[2] in cursors):
                        found[f"{kind.name}.{name}({path})"] = type_
    return found


def _arguments(given: dict[str, object], path: str = "") -> list[tuple[str, str]]:
    found = []
    for name, argument in given.items():
        kind = get_named_type(argument.type)  # type: ignore[attr-defined]
        if isinstance(kind, GraphQLInputObjectType):
            found += _arguments(kind.fields, f"{path}{name}.")  # type: ignore[arg-type]
        else:
            found.append((f"{path}{name}", kind.name))
    return found
