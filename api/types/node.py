"""What all rows have in common."""

import strawberry


@strawberry.interface
class Node:
    id: strawberry.ID = strawberry.field(description="A UUID, unique over all types.")
