import { Api, type AwaitProblem, type HttpResponse } from "./client/Api";
import { linesOf } from "../lines";

const app = new Api({ baseUrl: process.argv[2] });

const square = await app.await.awaitMathSquare({ x: 12 });
console.log(square.data.result);

const gathered = await app.gather.gather({
  calls: [{ operation: "math.square", input: { x: 3 } }, { operation: "echo", input: { value: "hello" } }],
});
console.log(gathered.data.results.map((result) => result.result).join(", "));

const squares = await app.map.mapMathSquare({ items: [1, 2, 3] });
console.log(squares.data.results?.join(", "));

const task = await app.tasks.createTaskDelay({ input: { seconds: 0.2, result: "done" } });
console.log((await app.tasks.getTask(task.data.id, { waitSeconds: 10 })).data.result);

const counted = await app.stream.streamCount({ count: 3 });
for await (const line of linesOf(counted.body!)) {
  if ("value" in line) {
    console.log(line.value);
  }
}

try {
  await app.await.awaitDelay({ seconds: 5 }, { timeoutSeconds: 0.1 });
} catch (response) {
  const { error } = response as HttpResponse<unknown, AwaitProblem>;
  if (error.type === "/problems/timeout") {
    console.log(error.detail);
  }
}
