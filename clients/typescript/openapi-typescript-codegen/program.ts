import { ApiError, AwaitProblem, AwaitService, GatherService, MapService, OpenAPI, TasksService } from "./client";

OpenAPI.BASE = process.argv[2];

const square = await AwaitService.awaitMathSquare({ x: 12 });
console.log(square.result);

const gathered = await GatherService.gather({
  calls: [{ operation: "math.square", input: { x: 3 } }, { operation: "echo", input: { value: "hello" } }],
});
console.log(gathered.results.map((result) => result.result).join(", "));

const squares = await MapService.mapMathSquare({ items: [1, 2, 3] });
console.log(squares.results?.join(", "));

const task = await TasksService.createTaskDelay({ input: { seconds: 0.2, result: "done" } });
console.log((await TasksService.getTask(task.id, 10)).result);

try {
  await AwaitService.awaitDelay({ seconds: 5 }, 0.1);
} catch (error) {
  if (error instanceof ApiError && error.body.type === AwaitProblem.type._PROBLEMS_TIMEOUT) {
    console.log(error.body.detail);
  }
}
