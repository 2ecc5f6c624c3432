// Audits the GraphQL server at the URL that is given; prints one line of JSON an audit.
import { serverAudits } from "graphql-http";

const [url] = process.argv.slice(2);

for (const audit of serverAudits({ url })) {
  const { id, name, status, reason } = await audit.fn();
  console.log(JSON.stringify({ id, name, status, reason }));
}
