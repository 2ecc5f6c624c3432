// Serves a database by PostGraphile, one process: node server.mjs <the variable that holds its URL> --port <port>.
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const [variable, , port] = process.argv.slice(2);

const graphile = postgraphile({
  extends: [PostGraphileAmberPreset],
  disablePlugins: ["PgIndexBehaviorsPlugin"], // which offers no order by a column without an index
  pgServices: [
    makePgService({ connectionString: process.env[variable], schemas: ["public"], poolConfig: { max: 16 } }),
  ],
  grafserv: { graphqlPath: "/graphql", graphqlOverGET: true, graphiql: false, watch: false },
});
const server = createServer();
await graphile.createServ(grafserv).addTo(server);
server.listen(Number(port), "127.0.0.1");
