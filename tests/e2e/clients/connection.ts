// How a frontend connects: urql, with graphql-ws for subscriptions, which go on by themselves behind a lost connection.
import {
  type AnyVariables,
  Client,
  type ExecutionResult,
  fetchExchange,
  type OperationResult,
  subscriptionExchange,
} from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

type Token = { token: string };
export type Retry = () => Promise<void>;

export class Connection {
  readonly client: Client;
  readonly #socket;
  #open: WebSocket | null = null;

  /** `retry` says when to connect anew after a connection was lost. */
  constructor(url: string, token: string | null, retry: Retry = async () => {}) {
    const headers: Record<string, string> = token === null ? {} : { Authorization: `Bearer ${token}` };
    this.#socket = createClient({
      url: url.replace("http", "ws"),
      webSocketImpl: WebSocket,
      connectionParams: headers,
      retryWait: retry,
      on: { connected: (socket) => (this.#open = socket as WebSocket) },
    });
    this.client = new Client({
      url,
      preferGetMethod: "within-url-limit",
      fetchOptions: { headers },
      exchanges: [
        subscriptionExchange({
          forwardSubscription: ({ query = "", variables }) => ({
            subscribe: (sink) => {
              const payload = { query, variables: { ...variables } };
              const unsubscribe = this.#socket.subscribe<ExecutionResult["data"], Token>(payload, {
                next: (result) => {
                  const { after } = payload.variables;
                  payload.variables["after"] = result.extensions?.token ?? after; // sent again, it begins behind this
                  sink.next(result as ExecutionResult);
                },
                error: (error) => sink.error(error),
                complete: () => sink.complete(),
              });
              return { unsubscribe };
            },
          }),
        }),
        fetchExchange,
      ],
    });
  }

  /** Lose the connection, as in a tunnel. */
  cut(): void {
    this.#open?.terminate();
  }

  async close(): Promise<void> {
    await this.#socket.dispose();
  }
}

/** Return the data of a result that has no errors. */
export function data<Data, Variables extends AnyVariables>(result: OperationResult<Data, Variables>): Data {
  if (result.error) throw result.error;
  if (result.data === undefined) throw new Error("neither data nor errors");
  return result.data;
}
