// What a page of Relay asks for: a user, and its orders page by page, both ways, each part fetched again by its node.
graphql`
  query userPageQuery($id: ID!, $count: Int!) {
    user(id: $id) {
      id
      ...userPage_orders @arguments(count: $count)
    }
  }
`;

graphql`
  fragment userPage_orders on User
  @refetchable(queryName: "userPageOrdersQuery")
  @argumentDefinitions(
    count: { type: "Int" }
    cursor: { type: "String" }
    countBefore: { type: "Int" }
    cursorBefore: { type: "String" }
  ) {
    name
    orders(first: $count, after: $cursor, last: $countBefore, before: $cursorBefore)
      @connection(key: "userPage_orders") {
      edges {
        node {
          id
          ...userPage_order
        }
      }
    }
  }
`;

graphql`
  fragment userPage_order on Order @refetchable(queryName: "userPageOrderQuery") {
    number
    status
    items {
      name
    }
  }
`;

graphql`
  subscription userPageSubscription($userId: ID!, $after: ConsistencyToken) {
    userOrdersChanged(userId: $userId, after: $after) {
      ...userPage_order
    }
  }
`;
