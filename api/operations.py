"""Which operation of a document is meant, and how many of them read."""

from collections.abc import Iterator

from graphql import OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from api.errors import BadRequest


class NamedOperation(SchemaExtension):
    """Refuses a document without an operation, and one of several that does not say which: none is the first choice."""

    def on_parse(self) -> Iterator[None]:
        yield
        context = self.execution_context
        document = context.graphql_document
        if document is None:
            return
        operations = sum(isinstance(definition, OperationDefinitionNode) for definition in document.definitions)
        if operations == 0:
            raise BadRequest("The document holds no operation, such as { products { totalCount } }.")
        # No public name tells an operation's name that was given from one that was found.
        if operations > 1 and not context._provided_operation_name:  # noqa: SLF001
            raise BadRequest("The document has several operations: say with operationName which to run.")


class CountedReads(SchemaExtension):
    """Counts the queries that are carried out here, since no plan was made of them."""

    def on_execute(self) -> Iterator[None]:
        context = self.execution_context
        if context.operation_type is OperationType.QUERY:
            context.context.counts.plain_reads += 1
        yield
