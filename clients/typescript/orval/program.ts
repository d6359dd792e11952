import { awaitDelay, awaitMathSquare, createTaskDelay, gather, getTask, mapMathSquare, streamCount } from "./client";
import { linesOf } from "../lines";

const square = await awaitMathSquare({ x: 12 });
if (square.status === 200) {
  console.log(square.data.result);
}

const gathered = await gather({
  calls: [{ operation: "math.square", input: { x: 3 } }, { operation: "echo", input: { value: "hello" } }],
});
if (gathered.status === 200) {
  console.log(gathered.data.results.map((result) => result.result).join(", "));
}

const squares = await mapMathSquare({ items: [1, 2, 3] });
if (squares.status === 200) {
  console.log(squares.data.results?.join(", "));
}

const task = await createTaskDelay({ input: { seconds: 0.2, result: "done" } });
if (task.status === 202) {
  const ended = await getTask(task.data.id, { waitSeconds: 10 });
  if (ended.status === 200) {
    console.log(ended.data.result);
  }
}

const counted = await streamCount({ count: 3 });
if (counted.status === 200) {
  for await (const line of linesOf(counted.stream.body!)) {
    if ("value" in line) {
      console.log(line.value);
    }
  }
}

const late = await awaitDelay({ seconds: 5 }, { timeoutSeconds: 0.1 });
if (late.status === 504 && late.data.type === "/problems/timeout") {
  console.log(late.data.detail);
}
