// Promise.all of N fetches of one URL: once for each line read, answered with the milliseconds.
import { createInterface } from 'node:readline';

const [count, url] = [Number(process.argv[2]), process.argv[3]];

for await (const _ of createInterface({ input: process.stdin })) {
  const started = performance.now();
  await Promise.all(Array.from({ length: count }, async () => (await fetch(url)).json()));
  console.log(performance.now() - started);
}
