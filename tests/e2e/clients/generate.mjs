// Makes types and typed documents of the schema and the documents beside this file, with graphql-codegen.
import { readFileSync, writeFileSync } from "node:fs";
import { codegen } from "@graphql-codegen/core";
import * as typedDocuments from "@graphql-codegen/typed-document-node";
import * as operations from "@graphql-codegen/typescript-operations";
import { parse } from "graphql";

const read = (path) => parse(readFileSync(path, "utf8"));
const scalars = { BigInt: "number", ConsistencyToken: "string", Date: "string", DateTime: "string", Decimal: "string" };
const filename = "documents.ts";

const code = await codegen({
  filename,
  schema: read("schema.graphql"),
  documents: [{ location: "documents.graphql", document: read("documents.graphql") }],
  config: { scalars, useTypeImports: true },
  plugins: [{ operations: {} }, { typedDocuments: {} }],
  pluginMap: { operations, typedDocuments },
});
writeFileSync(filename, code);
