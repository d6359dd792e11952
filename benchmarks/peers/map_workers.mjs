// worker_threads, as many as there are cores and made beforehand: maps one of the works below once for each line read,
// answered with the milliseconds. Workers take chunks as multiprocessing.Pool cuts them: four for each worker.
import { pbkdf2Sync } from 'node:crypto';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const works = {
  square: (x) => x * x,
  pbkdf2: ([password, salt, iterations]) => pbkdf2Sync(password, salt, iterations, 32, 'sha256').toString('hex'),
};

async function main([work, count, iterations]) {
  const items = Array.from({ length: Number(count) }, (_, i) => (work === 'square' ? i : [`password-${i}`, `salt-${i}`, Number(iterations)]));
  const workers = Array.from({ length: availableParallelism() }, () => new Worker(new URL(import.meta.url), { workerData: work }));
  await Promise.all(workers.map((worker) => once(worker, 'online')));

  async function map() {
    const size = Math.ceil(items.length / (workers.length * 4));
    const chunks = [];
    let next = 0;
    await Promise.all(workers.map(async (worker) => {
      while (next * size < items.length) {
        const chunk = next++;
        worker.postMessage(items.slice(chunk * size, (chunk + 1) * size));
        [chunks[chunk]] = await once(worker, 'message');
      }
    }));
    return chunks.flat();
  }

  for await (const _ of createInterface({ input: process.stdin })) {
    const started = performance.now();
    await map();
    console.log(performance.now() - started);
  }

  await Promise.all(workers.map((worker) => worker.terminate()));
}

if (isMainThread) {
  await main(process.argv.slice(2));
} else {
  parentPort.on('message', (items) => parentPort.postMessage(items.map(works[workerData])));
}
