// Apollo's client with its automatic persisted queries: a document is sent once, then known by its hash.
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { OrderDocument } from "./documents.js";

const { URL: url, ORDER: id, CUSTOMER } = process.env as Record<"URL" | "ORDER" | "CUSTOMER", string>;
const sent: { method: string; document: boolean; hash: boolean }[] = [];

const watched: typeof fetch = (target, options) => {
  const said = `${target}${options?.body ?? ""}`;
  sent.push({
    method: options?.method ?? "GET",
    document: said.includes("query Order"),
    hash: said.includes("sha256Hash"),
  });
  return fetch(target, options);
};

function client(): ApolloClient {
  const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
  const persisted = new PersistedQueryLink({ sha256, useGETForHashedQueries: true });
  const http = new HttpLink({ uri: url, fetch: watched, headers: { Authorization: `Bearer ${CUSTOMER}` } });
  return new ApolloClient({ link: ApolloLink.from([persisted, http]), cache: new InMemoryCache() });
}

async function asked() {
  const { data } = await client().query({ query: OrderDocument, variables: { id } });
  return data?.order?.id;
}

console.log(JSON.stringify({ first: await asked(), again: await asked(), sent }));
