import { configureStore } from "@reduxjs/toolkit";
import { app, type AwaitProblem } from "./client";

const store = configureStore({
  reducer: { [app.reducerPath]: app.reducer },
  middleware: (defaults) => defaults().concat(app.middleware),
});
const { awaitMathSquare, awaitDelay, gather, mapMathSquare, createTaskDelay, getTask } = app.endpoints;

const square = await store.dispatch(awaitMathSquare.initiate({ mathSquareInput: { x: 12 } })).unwrap();
console.log(square.result);

const calls = [{ operation: "math.square", input: { x: 3 } }, { operation: "echo", input: { value: "hello" } }];
const gathered = await store.dispatch(gather.initiate({ gatherRequest: { calls } })).unwrap();
console.log(gathered.results.map((result) => result.result).join(", "));

const squares = await store.dispatch(mapMathSquare.initiate({ mathSquareMapRequest: { items: [1, 2, 3] } })).unwrap();
console.log(squares.results?.join(", "));

const task = await store.dispatch(createTaskDelay.initiate({ delayTaskRequest: { input: { seconds: 0.2, result: "done" } } })).unwrap();
const ended = await store.dispatch(getTask.initiate({ id: task.id, waitSeconds: 10 }, { subscribe: false })).unwrap();
console.log(ended.result);

const late = await store.dispatch(awaitDelay.initiate({ delayInput: { seconds: 5 }, timeoutSeconds: 0.1 }));
if (late.error && "data" in late.error) {
  const problem = late.error.data as AwaitProblem;
  if (problem.type === "/problems/timeout") {
    console.log(problem.detail);
  }
}

// The cache would keep the program alive for a minute.
store.dispatch(app.util.resetApiState());
