// node validate.mjs <document> <checks>: whether values are as the document says. A check is a JSON pointer into the
// document, a value, and what the value is. Prints what is at fault.
import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const [document, checks] = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, 'utf8')));
const ajv = addFormats(new Ajv({ strict: false, allErrors: true }));
ajv.addSchema(document, 'document', undefined, false);

let faults = 0;
for (const { pointer, value, what } of checks) {
  const validate = ajv.getSchema(`document#${encodeURI(pointer)}`);
  if (!validate(value)) {
    faults++;
    console.log(`${what}: ${JSON.stringify(value).slice(0, 500)} is not as ${pointer} says: ${ajv.errorsText(validate.errors)}`);
  }
}

console.log(`${checks.length} values, ${faults} at fault`);
process.exitCode = faults > 0 || checks.length === 0 ? 1 : 0;
