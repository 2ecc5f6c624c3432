"""The outside: GraphQL over HTTP, GraphiQL, and the operator's command line."""
