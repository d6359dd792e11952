// N fetches of one URL, at most LIMIT at once: once for each line read, answered with the milliseconds.
import { createInterface } from 'node:readline';

const [count, limit, url] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];

for await (const _ of createInterface({ input: process.stdin })) {
  const started = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: limit }, async () => {
    while (next++ < count) await (await fetch(url)).json();
  }));
  console.log(performance.now() - started);
}
