import createClient from "openapi-fetch";
import type { paths } from "./api";
import { linesOf } from "../lines";

const app = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: process.argv[2] });

const square = await app.POST("/await/math.square", { body: { x: 12 } });
if (square.data && "result" in square.data) {
  console.log(square.data.result);
}

const gathered = await app.POST("/gather", {
  body: { calls: [{ operation: "math.square", input: { x: 3 } }, { operation: "echo", input: { value: "hello" } }] },
});
if (gathered.data && "results" in gathered.data) {
  console.log(gathered.data.results.map((result) => result.result).join(", "));
}

const squares = await app.POST("/map/math.square", { body: { items: [1, 2, 3] } });
if (squares.data && "results" in squares.data) {
  console.log(squares.data.results?.join(", "));
}

const task = await app.POST("/tasks/delay", { body: { input: { seconds: 0.2, result: "done" } } });
if (task.data) {
  const ended = await app.GET("/tasks/{id}", { params: { path: { id: task.data.id }, query: { waitSeconds: 10 } } });
  console.log(ended.data?.result);
}

const counted = await app.POST("/stream/count", { body: { count: 3 }, parseAs: "stream" });
if (counted.data) {
  for await (const line of linesOf(counted.data)) {
    if ("value" in line) {
      console.log(line.value);
    }
  }
}

const late = await app.POST("/await/delay", { params: { query: { timeoutSeconds: 0.1 } }, body: { seconds: 5 } });
if (late.error?.type === "/problems/timeout") {
  console.log(late.error.detail);
}
