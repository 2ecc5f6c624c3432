// A subscription over server-sent events with graphql-sse, which is left and gone on with behind its last token.
import { print } from "graphql";
import { createClient } from "graphql-sse";
import {
  UserOrdersChangedDocument,
  type UserOrdersChangedSubscription,
  type UserOrdersChangedSubscriptionVariables,
} from "./documents.js";

const { URL: url, USER: userId, CUSTOMER, TOKEN } = process.env as Record<"URL" | "USER" | "CUSTOMER" | "TOKEN", string>;
const query = print(UserOrdersChangedDocument);
const client = createClient({ url, headers: { Authorization: `Bearer ${CUSTOMER}` } });
const changed = (variables: UserOrdersChangedSubscriptionVariables) =>
  client.iterate<UserOrdersChangedSubscription, { token: string }>({ query, variables });

async function* changes(after: string) {
  const variables = { userId, after };
  for await (const { data, errors, extensions } of changed(variables)) {
    if (!data) throw new Error(JSON.stringify(errors));
    const { id, version } = data.userOrdersChanged;
    yield { change: [id, version], token: extensions?.token as string };
  }
}

async function first(after: string) {
  for await (const change of changes(after)) return change;
  throw new Error("the stream ended");
}

const seen = [];
let after = TOKEN;
for (let count = 0; count < 2; count++) {
  const { change, token } = await first(after);
  seen.push(change);
  after = token;
}
console.log(JSON.stringify({ seen }));
