// Runs what relay-compiler made: a page, the next and the one before it, fetched by the user's node, and one order by its.
import order from "./relay/__generated__/userPageOrderQuery.graphql.js";
import orders from "./relay/__generated__/userPageOrdersQuery.graphql.js";
import page from "./relay/__generated__/userPageQuery.graphql.js";

const { URL: url, USER: id, CUSTOMER } = process.env;
const headers = { Authorization: `Bearer ${CUSTOMER}`, "Content-Type": "application/json" };

async function run({ params }, variables) {
  const body = JSON.stringify({ query: params.text, variables });
  const { data, errors } = await (await fetch(url, { method: "POST", headers, body })).json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const shown = ({ orders: { edges, pageInfo } }) => ({
  numbers: edges.map(({ node }) => node.number),
  around: [pageInfo.hasPreviousPage, pageInfo.hasNextPage],
});
const nothing = { count: null, cursor: null, countBefore: null, cursorBefore: null };

const { user } = await run(page, { id, count: 2 });
const cursor = user.orders.pageInfo.endCursor;
const { node: next } = await run(orders, { ...nothing, id, count: 2, cursor });
const cursorBefore = next.orders.pageInfo.startCursor;
const { node: before } = await run(orders, { ...nothing, id, countBefore: 1, cursorBefore });
const { node } = await run(order, { id: user.orders.edges[0].node.id });

console.log(
  JSON.stringify({ first: shown(user), next: shown(next), before: shown(before), node: [node.__typename, node.number] }),
);
