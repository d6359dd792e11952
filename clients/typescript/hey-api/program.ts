import { awaitDelay, awaitMathSquare, createTaskDelay, gather, getTask, mapMathSquare, streamCount } from "./client";
import { client } from "./client/client.gen";
import { linesOf } from "../lines";

client.setConfig({ baseUrl: process.argv[2] });

const square = await awaitMathSquare({ body: { x: 12 } });
if (square.data && "result" in square.data) {
  console.log(square.data.result);
}

const gathered = await gather({
  body: { calls: [{ operation: "math.square", input: { x: 3 } }, { operation: "echo", input: { value: "hello" } }] },
});
if (gathered.data && "results" in gathered.data) {
  console.log(gathered.data.results.map((result) => result.result).join(", "));
}

const squares = await mapMathSquare({ body: { items: [1, 2, 3] } });
if (squares.data && "results" in squares.data) {
  console.log(squares.data.results?.join(", "));
}

const task = await createTaskDelay({ body: { input: { seconds: 0.2, result: "done" } } });
if (task.data) {
  const ended = await getTask({ path: { id: task.data.id }, query: { waitSeconds: 10 } });
  console.log(ended.data?.result);
}

const counted = await streamCount({ body: { count: 3 }, parseAs: "stream" });
for await (const line of linesOf(counted.response!.body!)) {
  if ("value" in line) {
    console.log(line.value);
  }
}

const late = await awaitDelay({ query: { timeoutSeconds: 0.1 }, body: { seconds: 5 } });
if (late.error?.type === "/problems/timeout") {
  console.log(late.error.detail);
}
