"""What a query and its fields are given. Most arguments are one variable, or the same in all requests."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_argument_values,
    get_nullable_type,
    get_variable_values,
    visit,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities import coerce_input_value
from strawberry.types.arguments import convert_argument
from strawberry.types.field import StrawberryField

from api.schema import Schema

Converted = Callable[[Any], Any]


class Variables:
    """The variables of an operation."""

    def __init__(self, schema: GraphQLSchema, defined: Sequence[VariableDefinitionNode]) -> None:
        self._schema = schema
        self._defined = defined
        self._signatures = [get_variable_signature(schema, each) for each in defined]

    def coerce(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Return what the variables are; None where one is given what it cannot be."""
        values = VariableValues({}, {})
        for signature in self._signatures:
            if isinstance(signature, GraphQLError) or (value := given.get(signature.name)) is None:
                return self._with_defaults(given)
            coerced = _coerced(value, signature.type)
            if coerced is Undefined:
                return None
            values.sources[signature.name] = VariableValueSource(signature, value)
            values.coerced[signature.name] = coerced
        return values

    def _with_defaults(self, given: Mapping[str, Any]) -> VariableValues | None:
        values = get_variable_values(self._schema, self._defined, dict(given))
        return values if isinstance(values, VariableValues) else None


class Arguments:
    """The arguments of a field, by the names that its resolver has for them."""

    def __init__(self, schema: Schema, field: GraphQLField, resolver: StrawberryField, node: FieldNode) -> None:
        self._field = field
        self._node = node
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        self._variables = {name: value.name.value for name, value in given.items() if isinstance(value, VariableNode)}
        fixed = not any(_has_variables(value) for name, value in given.items() if name not in self._variables)
        self._constant = self._constants() if fixed else None
        names = schema.config.name_converter
        self._python = {
            names.from_argument(argument): (argument.python_name, _converted(schema, argument.type))
            for argument in resolver.arguments
        }

    def values(self, variables: VariableValues) -> dict[str, Any]:
        """Return what the resolver is to be given; raise GraphQLError where a variable is no value for an argument."""
        values = {}
        for name, value in self._given(variables).items():
            python_name, convert = self._python[name]
            # An enum or a scalar is what GraphQL has made of it.
            values[python_name] = convert(value) if isinstance(value, dict | list) else value
        return values

    def _given(self, variables: VariableValues) -> Mapping[str, Any]:
        if self._constant is None:
            return get_argument_values(self._field, self._node, variables)
        given = dict(self._constant)
        for name, variable in self._variables.items():
            if (value := variables.coerced.get(variable)) is None:
                return get_argument_values(self._field, self._node, variables)
            given[name] = value
        return given

    def _constants(self) -> Mapping[str, Any]:
        """Return the arguments that are the same for all requests, with the defaults of those that are left out."""
        told = [argument for argument in self._node.arguments or () if argument.name.value not in self._variables]
        open_ = {name: argument for name, argument in self._field.args.items() if name not in self._variables}
        node = FieldNode(name=self._node.name, arguments=tuple(told))
        return get_argument_values(GraphQLField(self._field.type, args=open_), node)


def _coerced(value: Any, kind: Any) -> Any:
    """Return what a value other than null is of a type, Undefined where it is none."""
    kind = get_nullable_type(kind)
    if not isinstance(kind, GraphQLScalarType):
        return coerce_input_value(value, kind)
    try:
        return kind.coerce_input_value(value)
    except Exception:  # noqa: BLE001 - whatever it is, Strawberry will say what is wrong
        return Undefined


def _converted(schema: Schema, kind: Any) -> Converted:
    return lambda value: convert_argument(value, kind, schema.schema_converter.scalar_registry, schema.config)


def _has_variables(value: Any) -> bool:
    class Found(Visitor):
        any = False

        def enter_variable(self, *_: Any) -> None:
            self.any = True

    found = Found()
    visit(value, found)
    return found.any
