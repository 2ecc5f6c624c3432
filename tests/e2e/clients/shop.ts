// A journey of a frontend: it orders, reads what it wrote, leafs both ways, follows its orders, is cut off, and goes on.
import type { Client } from "@urql/core";
import { Connection, data } from "./connection.js";
import {
  AddProductDocument,
  CreateOrderDocument,
  type GistFragment,
  OrderDocument,
  PayOrderDocument,
  RegisterUserDocument,
  UserOrdersChangedDocument,
  UserOrdersDocument,
} from "./documents.js";

const { URL: url, USER: userId, CUSTOMER, STAFF } = process.env as Record<"URL" | "USER" | "CUSTOMER" | "STAFF", string>;
const SIZE = 2;

/** Return the accepted member of a result union; the compiler knows which fields that one has. */
function accepted<Result extends { __typename: string }, Name extends Result["__typename"]>(
  result: Result,
  name: Name,
): Extract<Result, { __typename: Name }> {
  if (result.__typename !== name) throw new Error(JSON.stringify(result));
  return result as Extract<Result, { __typename: Name }>;
}

async function stocked(client: Client): Promise<string> {
  const input = { sku: `TS-${userId}`, name: "Tea", price: "9.99", stock: 20 };
  const { addProduct } = data(await client.mutation(AddProductDocument, { input }));
  return accepted(addProduct, "ProductAccepted").productId;
}

async function ordered(client: Client, productId: string, quantity = 1) {
  const input = { userId, items: [{ productId, quantity }] };
  return data(await client.mutation(CreateOrderDocument, { input })).createOrder;
}

async function paid(client: Client, orderId: string): Promise<void> {
  const { payOrder } = data(await client.mutation(PayOrderDocument, { input: { orderId, paymentReference: "pi_1" } }));
  accepted(payOrder, "OrderAccepted");
}

type Cursors = { first: number; after: string | null } | { last: number; before: string | null };

async function page(client: Client, cursors: Cursors, token: string | null = null) {
  return data(await client.query(UserOrdersDocument, { userId, token, ...cursors })).userOrders;
}

async function forwards(client: Client, token: string): Promise<string[][]> {
  const pages: string[][] = [];
  let after: string | null = null;
  for (let more = true; more; ) {
    const { edges, pageInfo } = await page(client, { first: SIZE, after }, token);
    pages.push(edges.map(({ node }) => node.id));
    [after, more] = [pageInfo.endCursor, pageInfo.hasNextPage];
  }
  return pages;
}

async function backwards(client: Client, token: string): Promise<string[][]> {
  const pages: string[][] = [];
  let before: string | null = null;
  for (let more = true; more; ) {
    const { edges, pageInfo } = await page(client, { last: SIZE, before }, token);
    pages.unshift(edges.map(({ node }) => node.id));
    [before, more] = [pageInfo.startCursor, pageInfo.hasPreviousPage];
  }
  return pages;
}

/** The changes of the user's orders, with the token behind the last of them. */
class Followed {
  readonly seen: [string, number][] = [];
  #token: string | null;
  #arrived: () => void = () => {};
  readonly #stop: () => void;

  constructor({ client }: Connection, after: string | null) {
    this.#token = after;
    const source = client.subscription(UserOrdersChangedDocument, { userId, after });
    const { unsubscribe } = source.subscribe((result) => {
      const { id, version }: GistFragment = data(result).userOrdersChanged;
      this.seen.push([id, version]);
      this.#token = result.extensions?.["token"] as string;
      this.#arrived();
    });
    this.#stop = unsubscribe;
  }

  async count(count: number): Promise<void> {
    while (this.seen.length < count) await new Promise<void>((resolve) => (this.#arrived = resolve));
  }

  leave(): string | null {
    this.#stop();
    return this.#token;
  }
}

async function followed(orders: Client, shop: Client, product: string, token: string) {
  const changed: [string, number][] = [];
  const change = async (): Promise<void> => {
    const { orderId } = accepted(await ordered(orders, product), "OrderAccepted");
    changed.push([orderId, 1]);
  };
  const pay = async (order: string): Promise<void> => {
    await paid(shop, order);
    changed.push([order, 2]);
  };
  const away = async (): Promise<void> => {
    await change();
    await change();
  };

  const mine = new Connection(url, CUSTOMER, away);
  const first = new Followed(mine, token);
  await change();
  await first.count(1);
  mine.cut(); // and comes back by itself, when it was away for long enough
  await first.count(3);
  await pay(changed[0]![0]);
  await first.count(4);
  const last = first.leave();
  await mine.close();

  await change();
  await pay(changed[1]![0]);
  const again = new Connection(url, CUSTOMER);
  const second = new Followed(again, last);
  await second.count(2);
  await change();
  await second.count(3);
  second.leave();
  await again.close();
  return { changed, seen: [...first.seen, ...second.seen] };
}

const nobody = new Connection(url, null).client;
const staff = new Connection(url, STAFF).client;
const mine = new Connection(url, CUSTOMER).client;

const input = { id: userId, name: "Ada", email: `${userId}@example.com` };
const { registerUser } = data(await nobody.mutation(RegisterUserDocument, { input }));
const product = await stocked(staff);
const created = accepted(await ordered(mine, product, 3), "OrderAccepted");
const { order } = data(await mine.query(OrderDocument, { id: created.orderId, token: created.token }));
const orders = [created.orderId];
let token = created.token!;
for (let number = 0; number < 4; number++) {
  const more = accepted(await ordered(mine, product), "OrderAccepted");
  orders.unshift(more.orderId);
  token = more.token!;
}
const refused = await ordered(mine, product, 100);

console.log(
  JSON.stringify({
    registered: accepted(registerUser, "UserAccepted").userId,
    order,
    refused,
    orders,
    forwards: await forwards(mine, token),
    backwards: await backwards(mine, token),
    followed: await followed(mine, staff, product, token),
  }),
);
