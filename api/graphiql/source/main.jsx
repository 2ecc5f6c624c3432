import { explorerPlugin } from "@graphiql/plugin-explorer";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { createRoot } from "react-dom/client";
import { visitorStorage } from "./storage.js";

import "@graphiql/plugin-explorer/style.css";
import "graphiql/style.css";
import "./page.css";

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) =>
    new Worker(new URL(WORKERS[label] ?? WORKERS.editor, import.meta.url), { type: "module" }),
};

const config = JSON.parse(document.getElementById("graphiql-config").textContent);
const socket = new URL(config.endpoint, location.href);
socket.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const fetcher = createGraphiQLFetcher({ url: config.endpoint, subscriptionUrl: socket.href });
const plugins = [HISTORY_PLUGIN, explorerPlugin()];

createRoot(document.getElementById("graphiql")).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={plugins}
    defaultTabs={config.tabs}
    defaultHeaders={config.headers}
    defaultEditorToolsVisibility="headers"
    shouldPersistHeaders={false}
    storage={visitorStorage(config.tabsVersion)}
  >
    <GraphiQL.Logo>
      <a className="graphiql-logo-link" href="/">
        Tandem
      </a>
    </GraphiQL.Logo>
  </GraphiQL>,
);
